// Asks libphonenumber's own parser about many random valid numbers of every territory and compares
// its answer with the one a reader of the CSV files gets. It tests the cutting into prefixes, and
// shows where the hand-kept kinds.csv and the metadata differ. Status 1 on a difference.
//
//   node verify.mjs [numbers for each territory and type, default 2000] [seed]

import { fileURLToPath } from "node:url";
import { parsePhoneNumber } from "libphonenumber-js/max";
import { randomNumber, start } from "./automaton.mjs";
import { claims } from "./countries.mjs";
import { callingCodes, globalCodes, globalService, territory } from "./metadata.mjs";
import { readRows } from "./csv.mjs";

const [count = 2000, seed = 1] = process.argv.slice(2).map(Number);

// Small seeded generator (mulberry32), so that a failure can be repeated.
let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const table = (name) => {
    const rows = readRows(fileURLToPath(new URL(`../${name}`, import.meta.url)));
    return new Map(rows.map((row) => [row[0], row]));
};
const tables = {
    countries: table("countries.csv"),
    nanp: table("nanp.csv"),
    kinds: table("kinds.csv"),
};

function longest(rows, number) {
    for (let n = number.length; n > 0; n--) {
        const row = rows.get(number.slice(0, n));
        if (row) return row;
    }
    return null;
}

function countryOf(number) {
    if (number.startsWith("1")) return tables.nanp.get(number.slice(1, 4))?.[1] ?? "none";
    return longest(tables.countries, number)?.[1] ?? "none";
}

function lengthFits(number) {
    const row = longest(tables.countries, number);
    return row && number.length >= Number(row[2]) && number.length <= Number(row[3]);
}

// Western Sahara: refresh.mjs tells it apart on purpose, libphonenumber answers Morocco.
const hidden = new Set(Object.keys(callingCodes).flatMap((code) => claims(code).hidden));

// A number of a service all of +1 shares: libphonenumber answers one territory, nanp.csv none.
const sharedService = (number) =>
    number.startsWith("1") && tables.nanp.get(number.slice(1, 4))?.[1] === "";

// Canada's 310 with seven digits is dialled within Canada only; it is no number of +1 abroad.
const CANADA_ONLY = /^1310\d{4}$/;

function compareCountry(number, tally) {
    if (CANADA_ONLY.test(number)) return;
    const parsed = parsePhoneNumber("+" + number);
    if (!parsed.isValid()) { tally.skipped++; return; }
    tally.asked++;
    const expected = parsed.country ?? "001";
    const answer = countryOf(number);
    if (!lengthFits(number)) tally.wrong.push(`+${number}: length ${number.length} does not fit`);
    if (answer === expected) return;
    if (hidden.has(answer)) tally.apart++;
    else if (sharedService(number)) tally.shared++;
    else tally.wrong.push(`+${number}: ${answer}, libphonenumber ${expected}`);
}

function countries() {
    const tally = { asked: 0, skipped: 0, apart: 0, shared: 0, wrong: [] };
    const ask = (code, pattern) => {
        const states = start([pattern]);
        for (let n = 0; n < count; n++) compareCountry(code + randomNumber(states, random), tally);
    };
    const askAll = (code, { types }) => Object.values(types).forEach((p) => ask(code, p));
    for (const [code, list] of Object.entries(callingCodes))
        for (const country of list) askAll(code, territory(country));
    for (const code of globalCodes) askAll(code, globalService(code));
    console.log(`countries: ${tally.asked} valid numbers asked, ${tally.skipped} not valid`);
    console.log(`  told apart on purpose (${[...hidden]}): ${tally.apart}`);
    console.log(`  in services all of +1 shares: ${tally.shared}`);
    return tally.wrong;
}

const KIND_OF_TYPE = { fixed: ["geographic"], mobile: ["mobile"], tollfree: ["freephone"],
    premium: ["premium"], personal: ["fmc"], uan: ["navi"], pager: ["data", "paging"],
    voip: ["ip"] };

// Where the ministry's table and the metadata differ, the ministry's holds.
const KNOWN = [
    ["personal", /^060[1-9]/, "060 with ten digits: the ministry has FMC at 0600 only"],
    ["pager", /^0200/, "0200 with 11 digits: the ministry has 14"],
];

function kinds() {
    const wrong = [];
    let asked = 0;
    for (const [type, pattern] of Object.entries(territory("JP").types)) {
        const states = start([pattern]);
        for (let n = 0; n < count; n++) {
            const national = randomNumber(states, random);
            const dialed = national.startsWith("00") ? national : "0" + national;
            if (KNOWN.some(([t, shape]) => t === type && shape.test(dialed))) continue;
            asked++;
            const row = longest(tables.kinds, dialed);
            const fits = row && dialed.length >= Number(row[1]) && dialed.length <= Number(row[2]);
            if (!fits || !KIND_OF_TYPE[type].includes(row[3]))
                wrong.push(`${dialed}: ${fits ? row[3] : "none"}, libphonenumber ${type}`);
        }
    }
    console.log(`kinds: ${asked} Japanese numbers asked`);
    KNOWN.forEach(([, , why]) => console.log(`  not asked: ${why}`));
    return wrong;
}

const wrong = [...countries(), ...kinds()];
wrong.slice(0, 50).forEach((line) => console.log(`  ${line}`));
console.log(`${wrong.length} differences`);
process.exit(wrong.length === 0 ? 0 : 1);
