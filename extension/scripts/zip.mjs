import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

// 1 January 1980, the first day that the format knows.
const time = 0;
const date = 0x21;

/** The files of a folder as a zip archive whose bytes depend upon names and contents alone. */
export function zip(folder) {
	const names = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1).replaceAll("\\", "/"))
		.sort();
	const bodies = [];
	const directory = [];
	let offset = 0;
	for (const name of names) {
		const content = readFileSync(join(folder, name));
		const packed = deflateRawSync(content, { level: 9 });
		const facts = fields([[2, 20], [2, 0x0800], [2, 8], [2, time], [2, date], [4, crc32(content)], [4, packed.length], [4, content.length], [2, Buffer.byteLength(name)], [2, 0]]);
		bodies.push(fields([[4, 0x04034b50]]), facts, Buffer.from(name), packed);
		directory.push(fields([[4, 0x02014b50], [2, 20]]), facts, fields([[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), Buffer.from(name));
		offset += 4 + facts.length + Buffer.byteLength(name) + packed.length;
	}
	const size = Buffer.concat(directory).length;
	const end = fields([[4, 0x06054b50], [2, 0], [2, 0], [2, names.length], [2, names.length], [4, size], [4, offset], [2, 0]]);
	return Buffer.concat([...bodies, ...directory, end]);
}

/** The check sum of ISO 3309 (APPNOTE 6.3.10, 4.4.7); Node 18 has none. */
function crc32(bytes) {
	let sum = ~0;
	for (const byte of bytes) {
		sum ^= byte;
		for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
	}
	return ~sum >>> 0;
}

/** Little-endian numbers of 2 or 4 bytes (APPNOTE 6.3.10, 4.3). */
function fields(list) {
	return Buffer.concat(list.map(([bytes, value]) => {
		const field = Buffer.alloc(bytes);
		field.writeUIntLE(value, 0, bytes);
		return field;
	}));
}
