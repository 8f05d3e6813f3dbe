import { type Account, base32, names, uuid } from "../../src/core/index";
import type { Seeded } from "./random";

/** Any account that may stand in a vault. */
export function randomAccount(random: Seeded): Account {
	const type = random.of(["totp", "hotp", "steam"] as const);
	const at = new Date(1_700_000_000_000 + random.below(1e10)).toISOString();
	return {
		id: uuid(random.bytes),
		type,
		issuer: randomName(random),
		account: randomName(random),
		secret: base32.encode(random.bytes(1 + random.below(128))),
		algorithm: random.of(["SHA1", "SHA256", "SHA512"] as const),
		digits: 5 + random.below(6),
		...(type === "hotp" ? { counter: random.below(Number.MAX_SAFE_INTEGER) } : { period: 1 + random.below(3600) }),
		origins: [],
		createdAt: at,
		updatedAt: at,
	};
}

function randomName(random: Seeded): string {
	return names.clean(random.text(random.of([0, 3, 20, 100])));
}
