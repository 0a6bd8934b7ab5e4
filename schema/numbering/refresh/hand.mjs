// Facts that libphonenumber's metadata does not hold, kept by hand. Each has its source; "[u]" in a
// source marks what nobody confirmed.

// Codes for global services: libphonenumber knows the numbers, not the names.
export const GLOBAL_NAMES = {
    388: ["Group of countries, shared code", "国家群共用番号"],
    800: ["International freephone (UIFN)", "国際フリーフォン"],
    808: ["International shared cost service", "国際分担課金サービス"],
    870: ["Inmarsat", "インマルサット衛星電話"],
    878: ["Universal personal telecommunications", "ユニバーサルパーソナル通信"],
    881: ["Global mobile satellite systems", "衛星携帯電話システム"],
    882: ["International networks", "国際ネットワーク"],
    883: ["International networks", "国際ネットワーク"],
    888: ["Telecommunications for disaster relief", "災害救援用通信"],
    979: ["International premium rate service", "国際プレミアムレートサービス"],
    991: ["Trial of an international service (ITPCS)", "国際公衆通信試行サービス"],
};

export const NANP_NAME = ["North American Numbering Plan", "北米番号計画"];

// Codes and leading digits that are assigned and that the metadata lacks, because it knows of no
// number in use there. 15 digits are the limit of E.164.
const ITU_2007 = "Unicode CLDR telephoneCodeData (ITU-T E.164 list); present status [u]";
const KAZAKHSTAN = "wikimili.com Telephone numbers in Kazakhstan [u]";
export const ASSIGNED_ONLY = [
    { code: "379", country: "VA", min: 8, max: 15, source: ITU_2007 },
    { code: "388", country: "001", min: 8, max: 15, source: ITU_2007 },
    { code: "70", country: "KZ", min: 11, max: 11, source: KAZAKHSTAN },
    { code: "76", country: "KZ", min: 11, max: 11, source: KAZAKHSTAN },
    { code: "991", country: "001", min: 8, max: 15, source: ITU_2007 },
    { code: "997", country: "KZ", min: 8, max: 15, source: KAZAKHSTAN },
];

export const US_TERRITORIES = ["AS", "GU", "MP", "PR", "VI"];

// NANP area codes in use that the metadata lacks.
export const NANP_ONLY = [
    { area: "700", country: "", use: "other", en: "Interexchange carrier services",
        ja: "長距離事業者サービス", source: "NANPA easily recognizable codes [u]" },
    { area: "710", country: "US", use: "other", en: "US government emergency service",
        ja: "米国政府緊急通信", source: "NANPA easily recognizable codes [u]" },
];

export const NANP_USES = {
    tollfree: ["Toll-free", "着信課金"],
    premium: ["Premium rate", "情報料課金"],
    personal: ["Personal communications service", "個人番号サービス"],
    other: ["Non-geographic service", "非地理的サービス"],
};
