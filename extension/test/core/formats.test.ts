import assert from "node:assert/strict";
import { createDecipheriv, scryptSync } from "node:crypto";
import { test } from "node:test";
import {
	type Account, aegis, authext, type Draft, type Failure, type Found, importing, type Kdfs, kdfs, type Means, otpauth, sniff, text,
} from "../../src/core/index";
import { randomAccount } from "./account";
import { aegisEncrypted, authextV1, authextV2, authextV3, entry, openssl, twofasEncrypted } from "./foreign";
import { seeded } from "./random";
import { laterRefusal, refusal } from "./vectors";

const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const totp: Draft = { type: "totp", issuer: "Miyako", account: "sps00001", secret, algorithm: "SHA1", digits: 6, period: 30 };
const hotp: Draft = { type: "hotp", issuer: "", account: "door", secret, algorithm: "SHA256", digits: 8, counter: 41 };
const steam: Draft = { type: "steam", issuer: "Steam", account: "player", secret, algorithm: "SHA1", digits: 5, period: 30 };
const drafts = [totp, hotp, steam];
const means: Means = { kdfs, random: seeded("formats").bytes };
const password = "パスワード 1";

async function read(file: unknown, passphrase = ""): Promise<Found> {
	const sniffed = sniff(Buffer.from(typeof file === "string" ? file : JSON.stringify(file)));
	assert.ok(sniffed.kind !== "image");
	return importing.read(sniffed, passphrase, kdfs);
}

function account(draft: Draft, id: string): Account {
	const at = "2026-01-01T00:00:00Z";
	return { ...draft, id, origins: [], createdAt: at, updatedAt: at };
}

function failed(at: number, code: Failure["code"], detail: string, names: { issuer?: string; account?: string } = {}): Failure {
	return { at, issuer: "", account: "", ...names, code, detail };
}

test("Authenticator-Extension, plain: entries in the order of their index, defaults where a member is absent", async () => {
	const file = { b: { dataType: "OTPStorage", encrypted: false, hash: "b", index: 1, type: "totp", secret, account: "late" }, a: entry(hotp, 0) };
	assert.deepEqual(await read(file), { drafts: [hotp, { ...totp, issuer: "", account: "late" }], failures: [] });
});

test("Authenticator-Extension, plain: what its types and prefixes mean", async () => {
	const hexSecret = "48656c6c6f21deadbeef";
	const bytes = "JBSWY3DPEHPK3PXP";
	const entries = {
		hex: { ...entry(totp, 0), type: "hex", secret: hexSecret },
		hhex: { ...entry(hotp, 1), type: "hhex", secret: hexSecret.toUpperCase() },
		stm: { ...entry(totp, 2), secret: `stm-${secret}`, digits: undefined },
		host: { ...entry(totp, 3), issuer: "Miyako::sso.miyako.example" },
	};
	assert.deepEqual((await read(entries)).drafts, [
		{ ...totp, secret: bytes }, { ...hotp, secret: bytes }, { ...steam, issuer: "Miyako", account: "sps00001" }, totp,
	]);
});

test("Authenticator-Extension, plain: what has no place here is refused by name, the others are taken", async () => {
	const entries = {
		battle: { ...entry(totp, 0), type: "battle" },
		blz: { ...entry(totp, 1), secret: "blz-ABC" },
		bliz: { ...entry(totp, 2), secret: "bliz-ABC" },
		gost: { ...entry(totp, 3), algorithm: "GOST3411_2012_256" },
		damaged: { ...entry(totp, 4), secret: "JBSWY3D0" },
		good: entry(totp, 5),
	};
	const names = { issuer: "Miyako", account: "sps00001" };
	assert.deepEqual(await read(entries), {
		drafts: [totp],
		failures: [
			failed(1, "type", "battle", names), failed(2, "type", "battle", names), failed(3, "type", "battle", names),
			failed(4, "algorithm", "GOST3411_2012_256", names), failed(5, "secret", "0", names),
		],
	});
});

test("Authenticator-Extension, encrypted: each version opens, and a wrong password is one", async () => {
	const files = {
		v1: authextV1(drafts, password),
		"v2, key record": authextV2(drafts, password, "key"),
		"v2, at the top": authextV2(drafts, password, "top"),
		v3: await authextV3(drafts, password),
	};
	for (const [name, file] of Object.entries(files)) {
		assert.equal(sniff(Buffer.from(JSON.stringify(file))).encrypted, true, name);
		assert.deepEqual(await read(file, password), { drafts, failures: [] }, name);
		assert.equal(await laterRefusal(read(file, `${password}x`)), "passphrase", name);
	}
});

test("Authenticator-Extension, encrypted: a damaged entry does not stop the others", async () => {
	const v1 = { ...authextV1(drafts, password), bad: { ...entry(totp, 3), encrypted: true, secret: "U2FsdGVk" } };
	assert.deepEqual(await read(v1, password), { drafts, failures: [failed(4, "format", "", { issuer: "Miyako", account: "sps00001" })] });
	const other = Buffer.from(openssl(secret, password), "base64").fill("X", 0, 1).toString("base64");
	const form = { ...authextV1(drafts, password), bad: { ...entry(totp, 3), encrypted: true, secret: other } };
	assert.deepEqual((await read(form, password)).failures.map(({ code }) => code), ["format"]);
	const v3 = { ...await authextV3(drafts, password), bad: { dataType: "EncOTPStorage", keyId: "gone", index: 3, data: "" } };
	assert.deepEqual(await read(v3, password), { drafts, failures: [failed(4, "missing", "Key")] });
	const mixed = { ...authextV1([hotp], password), plain: entry(totp, 1) };
	assert.deepEqual(await read(mixed, password), { drafts: [hotp, totp], failures: [] });
});

test("Authenticator-Extension, encrypted: text that is no key is a wrong password, not an account", async () => {
	const file = { a: { ...entry(totp, 0), encrypted: true, secret: openssl(Buffer.from([0xff, 0, 1]), password) } };
	assert.equal(await laterRefusal(read(file, password)), "passphrase");
});

test("Authenticator-Extension: one derivation for all entries, and few keys", async () => {
	let calls = 0;
	const counting: Kdfs = { ...kdfs, argon2id: (...args) => (calls++, kdfs.argon2id(...args)) };
	const file = await authextV3(drafts, password);
	await authext.read(file, password, counting);
	assert.equal(calls, 1);
	const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [
		[`key-${i}`, { dataType: "Key", salt: "12345678" }], [`e-${i}`, { dataType: "EncOTPStorage", keyId: `key-${i}`, data: "" }],
	]).flat());
	const cheap: Kdfs = { ...kdfs, argon2id: async () => new Uint8Array(32) };
	assert.equal(await laterRefusal(authext.read(many, password, cheap)), "limits");
});

test("Authenticator-Extension: what is written reads as the same, and what its version 8.0.2 reads wrongly is left out", async () => {
	const sent = [totp, hotp, steam, { ...totp, algorithm: "SHA256" as const }, { ...totp, issuer: "", period: 60, digits: 8, note: "n" }];
	const { text, leftOut } = authext.write(sent.map((draft, i) => account(draft, `${i + 1}`)));
	assert.deepEqual((await read(text)).drafts, [totp, { ...totp, issuer: "", period: 60, digits: 8 }]);
	assert.deepEqual(leftOut.map(({ id, member, whole }) => `${id} ${member} ${whole}`),
		["2 type true", "3 type true", "4 algorithm true", "5 note false"]);
	const first = JSON.parse(text)["1"];
	assert.deepEqual(first, { dataType: "OTPStorage", encrypted: false, hash: "1", index: 0, type: "totp", secret, issuer: "Miyako", account: "sps00001" });
	assert.deepEqual(authext.write([account({ ...totp, issuer: "a::b" }, "6")]).leftOut, [{ id: "6", member: "names", whole: false }]);
});

const aegisEntries = [
	{ type: "totp", uuid: "a", name: "sps00001", issuer: "Miyako", note: "予備", favorite: true, icon: null, groups: [], info: { secret, algo: "SHA1", digits: 6, period: 30 } },
	{ type: "hotp", uuid: "b", name: "door", issuer: "", info: { secret, algo: "SHA256", digits: 8, counter: 41 } },
	{ type: "motp", uuid: "c", name: "m", issuer: "", info: { secret: "abc", pin: "1" } },
	{ type: "yandex", uuid: "d", name: "y", issuer: "", info: { secret, pin: "1" } },
	{ type: "totp", uuid: "e", name: "broken", issuer: "", info: { secret: "1" } },
	null,
	{ type: "steam", uuid: "f", name: "player", issuer: "Steam", note: "", info: { secret, algo: "SHA1", digits: 5, period: 30 } },
];
const aegisFound: Found = {
	drafts: [{ ...totp, note: "予備" }, hotp, steam],
	failures: [failed(3, "type", "motp", { account: "m" }), failed(4, "type", "yandex", { account: "y" }),
		failed(5, "secret", "1", { account: "broken" }), failed(6, "type", "")],
};

test("Aegis, plain: database versions 1 to 3, unknown types refused by name", async () => {
	for (const version of [1, 2, 3]) {
		const file = { version: 1, header: { slots: null, params: null }, db: { version, entries: aegisEntries } };
		assert.deepEqual(await read(file), aegisFound);
	}
	assert.equal(await laterRefusal(read({ version: 1, header: {}, db: { version: 4, entries: [] } })), "unsupported");
	assert.equal(await laterRefusal(read({ version: 2, header: {}, db: { version: 3, entries: [] } })), "unsupported");
	assert.equal(await laterRefusal(read({ version: 1, header: {}, db: { version: 3 } })), "format");
});

test("Aegis, encrypted: the password slot opens it, other slots are skipped", async () => {
	const file = aegisEncrypted({ version: 3, entries: aegisEntries }, password);
	assert.deepEqual(await read(file, password), aegisFound);
	assert.equal(await laterRefusal(read(file, "wrong")), "passphrase");
});

test("Aegis: a cost over the limits is refused before deriving", async () => {
	const never: Kdfs = { ...kdfs, scrypt: () => assert.fail("derived") };
	for (const cost of [{ n: 1 << 21 }, { n: 1000 }, { n: 1 }, { r: 17 }, { r: 0 }, { p: 5 }, { p: 0 }, { n: "32768" }]) {
		const file = aegisEncrypted({}, password) as { header: { slots: object[] } };
		Object.assign(file.header.slots[1] as object, cost);
		assert.equal(await laterRefusal(aegis.read(file as never, password, never)), "limits", JSON.stringify(cost));
	}
});

test("Aegis: eight password slots are tried, nine are refused, and parameters have their lengths", async () => {
	let calls = 0;
	const counting: Kdfs = { ...kdfs, scrypt: async () => (calls++, new Uint8Array(32)) };
	const file = () => aegisEncrypted({}, password) as { header: { slots: Record<string, unknown>[]; params: Record<string, unknown> } };
	const withSlots = (count: number) => ({ ...file(), header: { ...file().header, slots: Array(count).fill(file().header.slots[1]) } });
	assert.equal(await laterRefusal(aegis.read(withSlots(8), password, counting)), "passphrase");
	assert.equal(await laterRefusal(aegis.read(withSlots(9), password, counting)), "limits");
	assert.equal(await laterRefusal(aegis.read(withSlots(0), password, counting)), "unsupported");
	for (const [member, bytes] of [["nonce", 11], ["tag", 15], ["nonce", 0]] as const) {
		const broken = file();
		broken.header.params[member] = "00".repeat(bytes);
		assert.equal(await laterRefusal(aegis.read(broken, password, counting)), "format", member);
	}
	assert.equal(calls, 8);
});

test("Aegis: what is written reads as the same, plain and encrypted", async () => {
	const random = seeded("aegis");
	const accounts = Array.from({ length: 20 }, () => randomAccount(random));
	const expected = accounts.map(({ id: _, origins: __, createdAt: ___, updatedAt: ____, ...draft }) => draft);
	assert.deepEqual(await read(aegis.write(accounts).text), { drafts: expected, failures: [] });
	const encrypted = await aegis.writeEncrypted(accounts, password, means);
	assert.deepEqual(await read(encrypted.text, password), { drafts: expected, failures: [] });
	assert.deepEqual(aegis.write([{ ...account(totp, "x"), origins: ["https://a.example"] }]).leftOut, [{ id: "x", member: "origins", whole: false }]);
});

test("Aegis: what is written opens with Node's own cryptography", async () => {
	const { header, db } = JSON.parse((await aegis.writeEncrypted([account(totp, "x")], password, means)).text);
	const [slot] = header.slots;
	const open = (key: Buffer, { nonce, tag }: { nonce: string; tag: string }, ciphertext: Buffer): Buffer => {
		const cipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "hex")).setAuthTag(Buffer.from(tag, "hex"));
		return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
	};
	const slotKey = scryptSync(password, Buffer.from(slot.salt, "hex"), 32, { N: slot.n, r: slot.r, p: slot.p, maxmem: 1 << 26 });
	const master = open(slotKey, slot.key_params, Buffer.from(slot.key, "hex"));
	const plain = JSON.parse(open(master, header.params, Buffer.from(db, "base64")).toString());
	assert.equal(plain.entries[0].info.secret, secret);
	assert.deepEqual([slot.n, slot.r, slot.p, slot.type], [32768, 8, 1, 1]);
});

const services = [
	{ name: "Steam", secret, otp: { account: "player", tokenType: "STEAM", digits: 5 }, order: { position: 2 } },
	{ name: "Miyako", secret: secret.toLowerCase(), otp: { label: "x:y", account: "sps00001", issuer: "other", digits: 6, period: 30, algorithm: "SHA1", tokenType: "TOTP" }, order: { position: 0 } },
	{ name: "", secret, otp: { label: "door", counter: 41, digits: 8, algorithm: "SHA256", tokenType: "HOTP" }, order: { position: 1 } },
	{ name: "bad", secret: "", otp: {}, order: { position: 3 } },
	"nothing",
];
const twofasFound: Found = { drafts: [totp, hotp, steam], failures: [failed(2, "secret", ""), failed(5, "secret", "", { issuer: "bad" })] };

test("2FAS, plain: in the order of its screen, absent values by default", async () => {
	assert.deepEqual(await read({ services, groups: [], updatedAt: 0, schemaVersion: 4 }), twofasFound);
});

test("2FAS: schema versions 1 to 4", async () => {
	for (const [schemaVersion, code] of [[0, "unsupported"], [1, undefined], [4, undefined], [5, "unsupported"], ["4", "unsupported"]]) {
		assert.equal(await laterRefusal(read({ services: [], schemaVersion })), code, `${schemaVersion}`);
	}
	assert.equal(await laterRefusal(read({ services: {}, schemaVersion: 4 })), "format");
});

test("2FAS, encrypted: opens, and a wrong password is one", async () => {
	const file = twofasEncrypted(services, password);
	assert.deepEqual(await read(file, password), twofasFound);
	assert.equal(await laterRefusal(read(file, "wrong")), "passphrase");
	for (const broken of ["", "AAAA", "AAAA:AAAA:AAAA", `${file["servicesEncrypted"]}:AAAA`, "!:!:!"]) {
		const code = await laterRefusal(read({ ...file, services: null, servicesEncrypted: broken }, password));
		assert.equal(code, "format", broken);
	}
});

test("text: lines of every scheme, blank ones passed over, bad ones named by their number alone", async () => {
	const uri = otpauth.write(totp);
	const found = await read(`\uFEFF${uri}\r\n\r\n  ${uri.toUpperCase().replace("OTPAUTH://TOTP", "otpauth://totp")}\rsteam://${secret}\nhttps://example.com/SECRET\n`);
	assert.deepEqual(found.drafts.map(({ type, secret }) => [type, secret]), [["totp", secret], ["totp", secret], ["steam", secret]]);
	assert.deepEqual(found.drafts[2], { ...steam, account: "" });
	assert.deepEqual(found.failures, [failed(5, "scheme", "")]);
});

test("text: what is written is CRLF lines that read as the same", async () => {
	const random = seeded("text");
	const accounts = Array.from({ length: 50 }, () => randomAccount(random));
	const { text: file } = text.write(accounts);
	assert.equal(file.split("\r\n").length, 51);
	const { drafts, failures } = text.read(file);
	assert.deepEqual(failures, []);
	assert.deepEqual(drafts, accounts.map(({ id: _, origins: __, createdAt: ___, updatedAt: ____, ...draft }) => draft));
});

test("text: an account whose URI would be too long to be read is left out and said", () => {
	const long = account({ ...totp, issuer: "み".repeat(200), account: "や".repeat(200) }, "long");
	const { text: file, leftOut } = text.write([long, account(totp, "short")]);
	assert.deepEqual(text.read(file).drafts, [totp]);
	assert.deepEqual(leftOut, [{ id: "long", member: "names", whole: true }]);
});

test("sniff: the first sign that matches tells the kind, and anything else is refused", () => {
	const kind = (content: string | Uint8Array) => sniff(typeof content === "string" ? Buffer.from(content) : content).kind;
	assert.equal(kind('{"protected":"","ciphertext":"","header":"","db":""}'), "native");
	assert.equal(kind('{"header":{},"db":{},"schemaVersion":4,"services":[]}'), "aegis");
	assert.equal(kind('{"schemaVersion":4,"services":[],"a":{"dataType":"OTPStorage"}}'), "twofas");
	assert.equal(kind('{"a":{"dataType":"OTPStorage"}}'), "authext");
	assert.equal(kind('{"a":{"secret":"","hash":""}}'), "authext");
	assert.equal(kind("hello\n OTPAUTH-migration://offline?data=AA"), "text");
	assert.equal(kind(Buffer.from("\x89PNG\r\n\x1a\n....", "latin1")), "image");
	assert.equal(kind(Buffer.from("\xff\xd8\xff\xe0", "latin1")), "image");
	assert.equal(kind(Buffer.from("RIFF\x00\x01\x02\xffWEBPVP8 ", "latin1")), "image");
	for (const other of ["", "{}", "[]", "null", "hello", '{"a":{"secret":""}}', '{"a":1}']) {
		assert.equal(refusal(() => kind(other)), "unknown", other);
	}
	assert.equal(refusal(() => kind(Buffer.from("GIF89a\xff", "latin1"))), "unknown");
	assert.equal(refusal(() => sniff(new Uint8Array((4 << 20) + 1))), "limits");
});
