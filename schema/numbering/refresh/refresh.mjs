// Rewrites ../countries.csv and ../nanp.csv from the metadata of the installed libphonenumber-js
// and says what changed. The other files are kept by hand and are not touched.
//
//   npm ci && node refresh.mjs          then: node verify.mjs, and the project's numbering lint

import { fileURLToPath } from "node:url";
import * as countries from "./countries.mjs";
import * as nanp from "./nanp.mjs";
import { packageVersion } from "./metadata.mjs";
import { readRows, writeRows } from "./csv.mjs";

// What a row says, without the source column: a new release alone is no change of the numbering.
const meaning = (row) => row.slice(0, -1).join(",");

function differences(before, after) {
    const old = new Map(before.map((row) => [row[0], row]));
    const now = new Map(after.map((row) => [row[0], row.map(String)]));
    const lines = [];
    for (const [key, row] of now) {
        if (!old.has(key)) lines.push(`+ ${meaning(row)}`);
        else if (meaning(old.get(key)) !== meaning(row))
            lines.push(`- ${meaning(old.get(key))}`, `+ ${meaning(row)}`);
    }
    for (const [key, row] of old) if (!now.has(key)) lines.push(`- ${meaning(row)}`);
    return lines;
}

const sameRows = (before, after) =>
    before.length === after.length && before.every((row, i) => row.join() === after[i].join());

function refresh(name, what, header, rows) {
    const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
    const before = readRows(path);
    const lines = differences(before, rows);
    console.log(`${name}: ${rows.length} rows, before ${before.length}`);
    lines.slice(0, 200).forEach((line) => console.log(`  ${line}`));
    if (lines.length > 200) console.log(`  ... ${lines.length - 200} more`);
    if (lines.length === 0) console.log("  no number changed its meaning");
    if (sameRows(before, rows)) return;   // the date in the file says when it last changed
    const today = new Date().toISOString().slice(0, 10);
    writeRows(path, [what, `Written by refresh/refresh.mjs on ${today}; not to be edited by hand.`,
        `Source: libphonenumber-js ${packageVersion} (MIT), metadata.max.json; refresh/hand.mjs.`],
        header, rows);
}

refresh("countries.csv",
    "Calling codes of countries and global services; the longest match tells the country.",
    countries.HEADER, countries.countryRows());
refresh("nanp.csv", "Area codes of the North American Numbering Plan, that is, what +1 opens.",
    nanp.HEADER, nanp.nanpRows());
console.log("Set version, date and the libphonenumber-js source row in about.csv.");
