/** Scenarios of the RFC 7208 test suite that our SPF answers otherwise on purpose, each with its reason: none. */
export const SPF_DIFFERS: Readonly<Record<string, string>> = {};
