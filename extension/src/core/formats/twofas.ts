import { fromBase64, fromUTF8, utf8 } from "../bytes";
import { decrypt, ivBytes, keyBytes, tagBytes } from "../crypto";
import { isObject, type JSONObject, parse } from "../json";
import type { Kdfs } from "../kdfs";
import { type Found, Refused } from "../model";
import { draftOf, readEach, text } from "./entry";

const rounds = 10_000;

/** Whether the file's services are encrypted. */
export function isEncrypted(file: JSONObject): boolean {
	return typeof file["servicesEncrypted"] === "string" && file["servicesEncrypted"] !== "";
}

/** Reads a backup of 2FAS, in the order of its screen. @throws Refused `passphrase`; `format`; `unsupported` for schema versions over 4 */
export async function read(file: JSONObject, passphrase: string, kdfs: Kdfs): Promise<Found> {
	const version = file["schemaVersion"];
	if (version !== 1 && version !== 2 && version !== 3 && version !== 4) {
		throw new Refused("unsupported", "schemaVersion");
	}
	const services = isEncrypted(file) ? await unlock(String(file["servicesEncrypted"]), passphrase, kdfs) : file["services"];
	if (!Array.isArray(services)) {
		throw new Refused("format", "services");
	}
	const entries = services.map((service: unknown) => (isObject(service) ? service : {})).sort((a, b) => position(a) - position(b));
	return readEach(entries, namesOf, (service) => {
		const { tokenType, algorithm, digits, period, counter } = otpOf(service);
		const type = tokenType ?? "totp";
		return draftOf({ ...namesOf(service), type, secret: service["secret"], algorithm, digits, period, counter });
	});
}

async function unlock(sealed: string, passphrase: string, kdfs: Kdfs): Promise<unknown> {
	const [ciphertext, salt, iv, ...more] = sealed.split(":", 4).map(fromBase64);
	if (!ciphertext || !salt || iv?.length !== ivBytes || ciphertext.length < tagBytes || more.length > 0) {
		throw new Refused("format", "servicesEncrypted");
	}
	const key = await kdfs.pbkdf2Sha256(utf8(passphrase), salt, rounds, keyBytes);
	return parse(fromUTF8(await decrypt(key, iv, ciphertext)) ?? "");
}

function namesOf(service: JSONObject): { issuer: unknown; account: unknown } {
	const { issuer, account, label } = otpOf(service);
	return { issuer: text(service["name"]) || issuer, account: text(account) || label };
}

function otpOf(service: JSONObject): JSONObject {
	return isObject(service["otp"]) ? service["otp"] : {};
}

function position(service: JSONObject): number {
	const order = service["order"];
	return isObject(order) && typeof order["position"] === "number" ? order["position"] : 0;
}
