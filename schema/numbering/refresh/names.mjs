// Names of countries in English and Japanese, from the Unicode data built into node.

const names = {
    en: new Intl.DisplayNames("en", { type: "region", fallback: "none" }),
    ja: new Intl.DisplayNames("ja", { type: "region", fallback: "none" }),
};

// A node built with English data alone would answer in English for "ja" without complaint.
if (names.ja.of("JP") !== "日本") throw new Error("this node lacks Japanese names (small ICU)");

// [English, Japanese]
export function countryNames(country) {
    const found = [names.en.of(country), names.ja.of(country)];
    if (!found[0] || !found[1]) throw new Error(`no name for ${country}`);
    return found;
}
