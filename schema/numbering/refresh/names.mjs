// Names of countries in English and Japanese, from the Unicode data built into node.

const names = {
    en: new Intl.DisplayNames("en", { type: "region", fallback: "none" }),
    ja: new Intl.DisplayNames("ja", { type: "region", fallback: "none" }),
};

// A node built with English data alone would answer in English for "ja" without complaint.
if (names.ja.of("JP") !== "日本") throw new Error("this node lacks Japanese names (small ICU)");

export function countryName(country, language) {
    const name = names[language].of(country);
    if (!name) throw new Error(`no ${language} name for ${country}`);
    return name;
}
