// What it is for: nanp.csv, the area codes behind +1. More than twenty countries share +1 and every
// one of them is told by three digits, so each area code is tried against every territory's
// patterns; 0101 alone opens all of them.

import { start, step } from "./automaton.mjs";
import { callingCodes, packageVersion, territory } from "./metadata.mjs";
import { NANP_ONLY, NANP_USES, US_TERRITORIES } from "./hand.mjs";
import { byKey } from "./csv.mjs";
import { countryNames } from "./names.mjs";

export const HEADER = ["area", "country", "use", "name_en", "name_ja", "source"];

// The uses tried for an area code no territory has geographic numbers in; all else is "other".
const SERVICES = ["tollfree", "premium", "personal", "voip", "uan"];

const begins = (pattern, area) =>
    [...area].reduce((states, digit) => step(states, Number(digit)), start([pattern])).length > 0;

const having = (type, area) => callingCodes["1"].filter((country) => {
    const pattern = territory(country).types[type];
    return pattern && begins(pattern, area);
});

function classify(area) {
    const geographic = new Set([...having("fixed", area), ...having("mobile", area)]);
    if (geographic.size > 1) throw new Error(`area ${area} is in ${[...geographic]}`);
    const [country] = geographic;
    if (US_TERRITORIES.includes(country)) return { country, use: "territory" };
    if (country) return { country, use: "geographic" };
    for (const type of SERVICES) {
        const found = having(type, area);
        if (found.length === 0) continue;
        const use = NANP_USES[type] ? type : "other";
        return { country: found.length === 1 ? found[0] : "", use };
    }
    return null;
}

function row(area) {
    const found = classify(area);
    if (!found) return [];
    const { country, use } = found;
    const names = NANP_USES[use] ?? countryNames(country);
    return [[area, country, use, ...names, `libphonenumber-js ${packageVersion}`]];
}

export function nanpRows() {
    const rows = [];
    for (let area = 200; area <= 999; area++) rows.push(...row(String(area)));
    for (const { area, country, use, en, ja, source } of NANP_ONLY) {
        if (rows.some((known) => known[0] === area)) continue;   // a later release may know it
        rows.push([area, country, use, en, ja, source]);
    }
    return rows.sort(byKey);
}
