import assert from "node:assert/strict";
import { test } from "node:test";
import {
	accounts, aegis, authext, importing, kdfs, type Kdfs, migration, native, Refused, sniff, text, uuid,
} from "../../src/core/index";
import { maxSealed } from "../../src/core/formats/authext";
import { maxEntries } from "../../src/core/formats/entry";
import { validate } from "../../src/core/validate";
import { randomAccount } from "./account";
import { aegisEncrypted, authextV1, authextV2, authextV3, entry, twofasEncrypted } from "./foreign";
import { type Seeded, seeded } from "./random";

const password = "eight letters";
const limit = 4 << 20;
const now = new Date("2026-06-01T00:00:00Z");

/** What costs nothing, so that thousands of files can be tried; passphrases are never right then. */
const cheap: Kdfs = {
	...kdfs,
	argon2id: async (_password, _salt, _cost, length) => new Uint8Array(length),
	pbkdf2Sha256: async (_password, _salt, _iterations, length) => new Uint8Array(length),
	scrypt: async (_password, _salt, _cost, length) => new Uint8Array(length),
};

/** Reads as the extension does. Whatever is taken can stand in a vault; the rest is refused. */
async function take(file: Uint8Array): Promise<number> {
	try {
		const sniffed = sniff(file);
		if (sniffed.kind === "image") {
			return 0;
		}
		const { drafts, failures } = await importing.read(sniffed, password, cheap);
		const random = seeded("ids");
		validate({
			v: 1, exportedAt: now.toISOString(), device: "", deleted: [],
			accounts: drafts.map((draft) => accounts.fromDraft(draft, uuid(random.bytes), now)),
		});
		assert.ok(failures.every(({ detail, issuer, account }) => detail.length <= 2000 && issuer.length <= 800 && account.length <= 800));
		return drafts.length;
	} catch (error) {
		assert.ok(error instanceof Refused, `${error}`);
		return 0;
	}
}

async function seeds(): Promise<string[]> {
	const random = seeded("seeds");
	const list = Array.from({ length: 5 }, () => randomAccount(random));
	const otp = { ...list[0], type: "totp", period: 30 } as never;
	const services = list.map(({ issuer, account, secret, algorithm, digits, period, counter, type }, position) => ({
		name: issuer, secret, otp: { account, algorithm, digits, period, counter, tokenType: type.toUpperCase() }, order: { position },
	}));
	const plain = { v: 1 as const, exportedAt: now.toISOString(), device: "d", accounts: list, deleted: [] };
	return [
		await native.seal(plain, password, { kdfs: cheap, random: random.bytes }),
		aegis.write(list).text,
		JSON.stringify(aegisEncrypted(JSON.parse(aegis.write(list).text).db, password)),
		JSON.stringify({ schemaVersion: 4, services }),
		JSON.stringify(twofasEncrypted(services, password)),
		authext.write([otp]).text,
		JSON.stringify(Object.fromEntries(list.map((each, i) => [each.id, entry(each, i)]))),
		JSON.stringify(authextV1(list, password)),
		JSON.stringify(authextV2(list, password, "key")),
		JSON.stringify(await authextV3(list, password)),
		text.write(list).text,
		migration.write([otp], 7).uris.join("\n"),
	];
}

/** Another file, a few random changes away. */
function damaged(file: string, random: Seeded): Uint8Array {
	let bytes = Buffer.from(file);
	for (let i = 1 + random.below(4); i > 0; i--) {
		const at = random.below(bytes.length + 1);
		const end = Math.min(bytes.length, at + random.below(20));
		const piece = random.of([
			Buffer.from(random.bytes(random.below(4))), Buffer.from(random.text(4)), bytes.subarray(at, end), Buffer.from(random.of(["{", "}", "[", "\"", ",", ":", "%", "-1", "1e999", "null"])),
		]);
		bytes = random.of([
			Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)]),
			Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]),
			random.below(10) === 0 ? bytes.subarray(0, at) : bytes,
		]);
	}
	return bytes;
}

/** The same JSON with one value, somewhere, replaced by one of another kind. */
function twisted(value: unknown, random: Seeded): unknown {
	const replacements = [null, true, -1, 0, 1.5, 2 ** 53, 1e999, "", "x", "\ud800", "1".repeat(300), [], {}, [[]], { secret: {} }];
	if (typeof value !== "object" || value === null || random.below(5) === 0) {
		return random.of<unknown>(replacements);
	}
	const keys = Object.keys(value);
	if (keys.length === 0) {
		return random.of<unknown>(replacements);
	}
	const key = random.of(keys);
	const copy: Record<string, unknown> = { ...value as Record<string, unknown> };
	copy[key] = twisted(copy[key], random);
	return Array.isArray(value) ? Object.values(copy) : copy;
}

test("no damaged file of any kind makes a reader fail but by refusing", async () => {
	const random = seeded("bytes");
	let taken = 0;
	for (const file of await seeds()) {
		for (let i = 0; i < 400; i++) {
			taken += await take(damaged(file, random));
		}
	}
	assert.ok(taken > 1000, "most damage must leave something to read, or the test tries nothing");
});

test("no value of another kind in any place makes a reader fail but by refusing", async () => {
	const random = seeded("values");
	for (const file of (await seeds()).filter((file) => file.startsWith("{"))) {
		for (let i = 0; i < 400; i++) {
			await take(Buffer.from(JSON.stringify(twisted(JSON.parse(file), random)) ?? ""));
		}
	}
});

test("no random bytes make the reader of migrations fail but by refusing", () => {
	const random = seeded("protobuf");
	for (let i = 0; i < 5000; i++) {
		const data = Buffer.from(random.bytes(random.below(60))).toString("base64url");
		try {
			migration.read(`otpauth-migration://offline?data=${data}`);
		} catch (error) {
			assert.ok(error instanceof Refused, `${error}`);
		}
	}
});

/** A text as long as a file may be, of a head, a repeated part, and a tail. */
function filled(head: string, part: string, tail = ""): string {
	return head + part.repeat(Math.floor((limit - head.length - tail.length) / Buffer.byteLength(part))) + tail;
}

test("4 MiB of whatever is worst are read or refused within a second", async () => {
	const v1 = JSON.stringify(authextV1([{ ...randomAccount(seeded("v1")), secret: "JBSWY3DP", issuer: "" }], password)).slice(1, -1);
	const v3 = '"":{"dataType":"EncOTPStorage","keyId":"key","data":"U2FsdGVkX18AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}';
	const numbered = (part: string): string =>
		Array.from({ length: maxSealed }, (_, i) => part.replace(/^"[^"]*"/, `"${i}"`)).join(",");
	const worst: Record<string, string> = {
		"open brackets": filled("", "["),
		"open objects": filled("", '{"a":'),
		"nested": filled('{"header":{},"db":', "[", ""),
		"empty lines": filled("otpauth://totp/a?secret=JBSWY3DP", "\n"),
		"bad lines": filled("otpauth://totp/a?secret=JBSWY3DP\n", "a\n"),
		"one long line": filled("otpauth://totp/a?secret=", "A"),
		"percent": filled("otpauth://totp/", "%E3%81%82", "?secret=JBSWY3DP"),
		"many accounts": filled("", "otpauth://totp/a?secret=JBSWY3DP\n"),
		"long migration": filled("otpauth-migration://offline?data=", "EAEYASAAKMuC5eoE"),
		"many migrations": filled("", "otpauth-migration://offline?data=EAEYAiAAKMuC5eoE\n"),
		"spaces": filled("", " "),
		"spaces in a line": filled("otpauth://totp/a?secret=JBSWY3DP&issuer=", "%20"),
		"many entries": filled('{"schemaVersion":4,"services":[', '{"secret":"JBSWY3DP"},', "{}]}"),
		"long name": `{"schemaVersion":4,"services":[{"secret":"JBSWY3DP","name":"${filled("", "\u3042").slice(0, 1_300_000)}"}]}`,
		"as many entries as are read": `{"schemaVersion":4,"services":[${Array(maxEntries).fill('{"secret":"JBSWY3DP"}').join(",")}]}`,
		"long secret": `{"schemaVersion":4,"services":[{"secret":"${"A-".repeat(2_000_000)}"}]}`,
		"long bad secret": `{"schemaVersion":4,"services":[{"secret":"${"0".repeat(4_000_000)}"}]}`,
		"long ciphertext": `{"schemaVersion":4,"services":[],"servicesEncrypted":"${"A".repeat(4_000_000)}:AAAA:AAAAAAAAAAAAAAAA"}`,
		"many parts": `{"schemaVersion":4,"services":[],"servicesEncrypted":"${":".repeat(4_000_000)}"}`,
		"encrypted entries": `{${numbered(v1)}}`,
		"encrypted entries of version 3": `{"key":{"dataType":"Key","salt":"s"},${numbered(v3)}}`,
		"native": JSON.stringify({ protected: "e30", ciphertext: "A".repeat(4_000_000) }),
		"hexadecimal parameters": JSON.stringify({ version: 1, db: "", header: { params: { nonce: "ab".repeat(1_900_000), tag: "" } } }),
		"hexadecimal": `{"a":{"dataType":"OTPStorage","type":"hex","secret":"${"ab".repeat(2_000_000)}"}}`,
	};
	for (const [name, content] of Object.entries(worst)) {
		const file = Buffer.from(content);
		assert.ok(file.length <= limit, name);
		const before = process.cpuUsage();
		await take(file);
		const { user, system } = process.cpuUsage(before);
		assert.ok(user + system < 1_000_000, `${name}: ${user + system} µs of processor time`);
	}
});
