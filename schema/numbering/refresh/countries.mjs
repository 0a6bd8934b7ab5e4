// What it is for: countries.csv, that is, calling codes cut into prefixes that tell the country
// by longest match. A code of one territory is one row. A shared code (+44, +7, ...) is walked
// digit by digit: a prefix all of whose numbers go to one territory becomes a row when that
// territory is not already told by the shorter row.
//
//   44        GB            every number of +44 not told otherwise
//   441481    GG            all numbers beginning so are Guernsey's
//   447911    (GB and GG)   go on: 4479111 GG, 4479117 GG
//
// "Goes to" means what libphonenumber answers: territories are tried in its order; one with leading
// digits takes what begins so, one without takes what one of its patterns matches whole.

import { start, step, accepts, keyOf } from "./automaton.mjs";
import { callingCodes, globalCodes, globalService, packageVersion, territory }
    from "./metadata.mjs";
import { ASSIGNED_ONLY, GLOBAL_NAMES, NANP_NAME } from "./hand.mjs";
import { byKey } from "./csv.mjs";
import { countryNames } from "./names.mjs";

export const HEADER = "code,country,min_digits,max_digits,name_en,name_ja,source".split(",");
const LONGEST = 15;   // digits of an E.164 number

function claim(country) {
    const { leadingDigits, types, lengths } = territory(country);
    const states = leadingDigits
        ? start([leadingDigits], { open: true })
        : start(Object.values(types));
    return { country, lengths, states };
}

// The claims of a calling code in the order they are tried. A territory that never wins, because
// the main one claims every leading digit (Western Sahara under Morocco), is put first with its
// fixed-line pattern alone: an operator wants to see the two told apart.
export function claims(code) {
    const tried = callingCodes[code].map(claim);
    const seen = winners(tried, 0, new Map());
    const hidden = tried.filter(({ country }) => !seen.has(country))
        .map((found) => ({ ...found, states: start([territory(found.country).types.fixed]) }));
    return { all: [...hidden, ...tried], hidden: hidden.map(({ country }) => country) };
}

const advance = (list, digit) =>
    list.map((entry) => ({ ...entry, states: step(entry.states, digit) }));

// Every territory that gets at least one number of a possible length beginning so; depth is the
// count of national digits read. Memory is by state sets: few differ.
function winners(list, depth, memory) {
    const key = [depth, ...list.map(({ states }) => keyOf(states))].join("|");
    if (memory.has(key)) return memory.get(key);
    const found = new Set();
    const first = list.find(({ states, lengths }) => accepts(states) && lengths.includes(depth));
    if (first) found.add(first.country);
    for (let digit = 0; digit <= 9 && depth < LONGEST; digit++) {
        const next = advance(list, digit);
        if (next.every(({ states }) => states.length === 0)) continue;
        for (const country of winners(next, depth + 1, memory)) found.add(country);
    }
    memory.set(key, found);
    return found;
}

function cut(prefix, list, depth, told, memory, out) {
    const found = winners(list, depth, memory);
    if (found.size === 1) {
        const [country] = found;
        if (country !== told) out.push([prefix, country]);
    }
    if (found.size <= 1) return;
    for (let digit = 0; digit <= 9; digit++)
        cut(prefix + digit, advance(list, digit), depth + 1, told, memory, out);
}

function countryRow(code, callingCode, country) {
    const { lengths } = territory(country);
    const digits = lengths.map((n) => n + callingCode.length);
    return [code, country, Math.min(...digits), Math.max(...digits), ...countryNames(country),
        `libphonenumber-js ${packageVersion}`];
}

function rowsOf(callingCode) {
    const [main] = callingCodes[callingCode];
    const out = [[callingCode, main]];
    if (callingCodes[callingCode].length > 1)
        cut(callingCode, claims(callingCode).all, 0, main, new Map(), out);
    return out.map(([code, country]) => countryRow(code, callingCode, country));
}

export function countryRows() {
    const source = `libphonenumber-js ${packageVersion}`;
    const rows = Object.keys(callingCodes).filter((code) => code !== "1").flatMap(rowsOf);
    rows.push(["1", "", 11, 11, ...NANP_NAME, source]);
    for (const code of globalCodes) {
        const digits = globalService(code).lengths.map((n) => n + code.length);
        rows.push([code, "001", Math.min(...digits), Math.max(...digits), ...GLOBAL_NAMES[code],
            source]);
    }
    for (const { code, country, min, max, source: found } of ASSIGNED_ONLY) {
        if (rows.some((row) => row[0] === code)) continue;   // a later release may know it
        const names = GLOBAL_NAMES[code] ?? countryNames(country);
        rows.push([code, country, min, max, ...names, found]);
    }
    return rows.sort(byKey);
}
