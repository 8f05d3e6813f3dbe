import * as aegis from "./formats/aegis";
import * as authext from "./formats/authext";
import * as native from "./formats/native";
import * as text from "./formats/text";
import * as twofas from "./formats/twofas";
import type { Kdfs } from "./kdfs";
import type { Found } from "./model";
import type { Sniffed } from "./sniff";

/** A file that holds accounts; an image must be decoded first. */
export type Readable = Exclude<Sniffed, { kind: "image" }>;

/**
 * What an import takes from a file of any kind. The passphrase is looked at if the file is encrypted.
 *
 * @throws Refused as the reader of the kind does
 */
export async function read(file: Readable, passphrase: string, kdfs: Kdfs): Promise<Found> {
	switch (file.kind) {
		case "native":
			return native.read(file.text, passphrase, kdfs);
		case "aegis":
			return aegis.read(file.object, passphrase, kdfs);
		case "twofas":
			return twofas.read(file.object, passphrase, kdfs);
		case "authext":
			return authext.read(file.object, passphrase, kdfs);
		case "text":
			return text.read(file.text);
	}
}
