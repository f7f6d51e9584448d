/**
 * Passwords and what crypt(3) makes of them. The first six are published: the vectors of the
 * SHA-crypt specification, of crypt_blowfish, and of scrypt's $7$; the others were computed by
 * libxcrypt 4.4.33.
 */
export const GOLDEN: readonly (readonly [scheme: string, password: string, hash: string])[] = [
  [
    "sha512crypt",
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  [
    "sha512crypt",
    "Hello world!",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
  ],
  ["sha256crypt", "Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
  [
    "sha256crypt",
    "Hello world!",
    "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
  ],
  ["bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  [
    "scrypt ($7$)",
    "pleaseletmein",
    "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
  ],
  ["bcrypt", "p\xe4ss", "$2b$04$abcdefghijklmnopqrstuu1L3qhPthuwddSyHopqP/p1oYCozgT7m"],
  ["bcrypt", "p\xe4ss", "$2y$04$abcdefghijklmnopqrstuu1L3qhPthuwddSyHopqP/p1oYCozgT7m"],
  ["yescrypt", "p\xe4ss", "$y$j75$abcdefgh$x5C4qNzV6nzffZSLvakBU9f5Oo623Kz6X4CrZCIQks8"],
  ["gost-yescrypt", "p\xe4ss", "$gy$j75$abcdefgh$.BWXWTSkv4vPPbUO8NDBoL4jj5L1EZ0wXrdABogiGh/"],
  ["des", "password", "abJnggxhB/yWI"],
  ["bsdicrypt", "password", "_J9..rasmEedsvB6g8/6"],
  ["md5crypt", "password", "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"],
  ["sha1crypt", "password", "$sha1$1000$saltsalt$cUXhu9mXyyvmxuPGkHN4CdqQqyfS"],
  ["sunmd5", "password", "$md5,rounds=100$saltsalt$$gVGokMaM9l5vdl5rPXYdb0"],
  ["nt", "password", "$3$$8846f7eaee8fb117ad06bdd830b7586c"],
];

/** The example of Apache's htpasswd page. */
export const APR1 = ["myPassword", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"] as const;
/** {SHA} of the same page. */
export const SHA = ["myPassword", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE="] as const;
