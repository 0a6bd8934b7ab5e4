// What it is for: reading libphonenumber-js's compact metadata (arrays by position) by name, in one
// place. The positions are those of metadata format 4; another format stops the refresh.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const metadata = require("libphonenumber-js/metadata.max.json");
export const packageVersion = require("libphonenumber-js/package.json").version;

if (metadata.version !== 4) throw new Error(`metadata format ${metadata.version}, expected 4`);

const TYPES = ["fixed", "mobile", "tollfree", "premium", "personal", "voicemail", "uan", "pager",
    "voip", "sharedcost"];

function read(row) {
    const types = {};
    TYPES.forEach((name, i) => {
        const pattern = row[11]?.[i]?.[0];
        if (pattern) types[name] = pattern;
    });
    return { callingCode: row[0], lengths: row[3], leadingDigits: row[10] || null, types };
}

// Calling code -> territories, the main one first, as libphonenumber tries them.
export const callingCodes = metadata.country_calling_codes;
export const globalCodes = Object.keys(metadata.nonGeographic);
export const territory = (country) => read(metadata.countries[country]);
export const globalService = (code) => read(metadata.nonGeographic[code]);
