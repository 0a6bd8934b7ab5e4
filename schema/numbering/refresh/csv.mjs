// The files' common form: comment lines, one header line, rows sorted by their first column.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

const quote = (value) => {
    const text = String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function fields(line) {
    const out = [];
    for (const found of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
        out.push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    return out;
}

// Byte order, which for these ASCII keys is the order of JavaScript's plain comparison.
export const byKey = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

export function readRows(path) {
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").split("\n").filter((line) => line !== "");
    const body = lines.slice(lines.findIndex((line) => !line.startsWith("#")) + 1);
    return body.map(fields);
}

export function writeRows(path, comments, header, rows) {
    const lines = [...comments.map((line) => `# ${line}`), header.join(",")];
    for (const row of rows) lines.push(row.map(quote).join(","));
    writeFileSync(path, lines.join("\n") + "\n");
}
