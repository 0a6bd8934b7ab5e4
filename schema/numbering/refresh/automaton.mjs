// What it is for: telling, from the digit patterns of libphonenumber's metadata, which numbers a
// prefix can still become. A pattern answers only "is this whole number mine"; to cut a shared
// calling code into prefixes we have to ask "can anything that begins so still be mine", for every
// prefix, and that needs the automaton behind the pattern.
//
//   pattern --parse--> syntax tree --build--> states (each: digit edges, empty edges)
//   a set of states  = where a prefix leads;  empty set = no number begins so
//
// The metadata uses a small part of regular-expression syntax. Anything else throws, so that new
// syntax in a later release stops the refresh instead of being read wrongly.

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function parse(text) {
    let at = 0;
    const fail = (why) => { throw new Error(`${why} at ${at} in ${text}`); };

    function alternation() {
        const branches = [sequence()];
        while (text[at] === "|") { at++; branches.push(sequence()); }
        return branches.length === 1 ? branches[0] : { any: branches };
    }
    function sequence() {
        const items = [];
        while (at < text.length && text[at] !== "|" && text[at] !== ")") items.push(repeated());
        return { all: items };
    }
    function repeated() {
        const item = single();
        if (text[at] === "?") { at++; return { item, min: 0, max: 1 }; }
        if (text[at] !== "{") return item;
        const found = /^\{(\d+)(?:,(\d+))?\}/.exec(text.slice(at)) ?? fail("bad repeat");
        at += found[0].length;
        return { item, min: Number(found[1]), max: Number(found[2] ?? found[1]) };
    }
    function single() {
        if (text.startsWith("(?:", at)) return group(3);
        if (text[at] === "(" && text[at + 1] !== "?") return group(1);
        if (text.startsWith("\\d", at)) { at += 2; return { digits: DIGITS }; }
        if (text[at] === "[") return digitClass();
        if (/\d/.test(text[at])) return { digits: [Number(text[at++])] };
        return fail("syntax not known");
    }
    function group(open) {
        at += open;
        const inner = alternation();
        if (text[at++] !== ")") fail("group not closed");
        return inner;
    }
    function digitClass() {
        const end = text.indexOf("]", at);
        const body = text.slice(at + 1, end);
        if (end < 0 || !/^(?:\d(?:-\d)?)+$/.test(body)) fail("bad class");
        at = end + 1;
        const inside = new RegExp(`[${body}]`);
        return { digits: DIGITS.filter((d) => inside.test(String(d))) };
    }

    const tree = alternation();
    if (at !== text.length) fail("text left over");
    return tree;
}

// Thompson's construction: build(tree, next) is the state that reads the tree, then goes to next.
function build(tree, next) {
    if (tree.digits) return { digits: new Set(tree.digits), next };
    if (tree.any) return { empty: tree.any.map((branch) => build(branch, next)) };
    if (tree.all) return tree.all.reduceRight((after, item) => build(item, after), next);
    let state = next;
    for (let n = tree.min; n < tree.max; n++) state = { empty: [build(tree.item, state), next] };
    for (let n = 0; n < tree.min; n++) state = build(tree.item, state);
    return state;
}

// Follows empty edges. A set of states is an array sorted by id: equal sets have equal keys.
let lastId = 0;
function closure(states) {
    const seen = new Set();
    const walk = (state) => {
        if (seen.has(state)) return;
        seen.add(state);
        state.id ??= ++lastId;
        for (const further of state.empty ?? []) walk(further);
    };
    states.forEach(walk);
    return [...seen].filter((state) => !state.empty).sort((a, b) => a.id - b.id);
}

// The start set of "any of these patterns, whole number" or, with open, "begins with any of these".
export function start(patterns, { open = false } = {}) {
    const end = { final: true };
    if (open) Object.assign(end, { digits: new Set(DIGITS), next: end });
    return closure(patterns.map((pattern) => build(parse(pattern), end)));
}

export const step = (states, digit) =>
    closure(states.filter((s) => s.digits?.has(digit)).map((s) => s.next));
export const accepts = (states) => states.some((s) => s.final);
export const keyOf = (states) => states.map((s) => s.id).join(".");

// One random whole number of the set, for verification. Walks uniformly over the digits that lead
// on and, at an end that could also go on, stops half of the time. A state that only leads to dead
// ends does not occur: every state built above reaches the end.
export function randomNumber(states, random) {
    let number = "";
    for (;;) {
        const open = DIGITS.filter((d) => states.some((s) => s.digits?.has(d)));
        if (accepts(states) && (open.length === 0 || random() < 0.5)) return number;
        const digit = open[Math.floor(random() * open.length)];
        number += digit;
        states = step(states, digit);
    }
}
