import { concat } from "./bytes";
import { type Bytes, Refused } from "./model";

/** One field of a message, as it stands on the wire. */
export interface Field {
	/** 1 and above */
	number: number;
	/** A varint or fixed-width number, 64 bits unsigned; or the bytes of a length-delimited field. */
	value: bigint | Bytes;
}

/**
 * The fields of a protobuf message in their order (protobuf.dev/programming-guides/encoding).
 *
 * @throws Refused `malformed` for groups, field 0, varints over ten bytes and lengths beyond the end
 */
export function fields(message: Bytes): Field[] {
	const reader = new Reader(message);
	const found: Field[] = [];
	while (!reader.atEnd()) {
		found.push(reader.field());
	}
	return found;
}

/** A varint field. */
export function varintField(number: number, value: bigint): Bytes {
	return concat(varint(BigInt(number << 3)), varint(value));
}

/** A length-delimited field. */
export function bytesField(number: number, value: Uint8Array): Bytes {
	return concat(varint(BigInt((number << 3) | 2)), varint(BigInt(value.length)), value);
}

function varint(value: bigint): Bytes {
	const bytes: number[] = [];
	let rest = BigInt.asUintN(64, value);
	for (; rest > 127n; rest >>= 7n) {
		bytes.push(Number(rest & 127n) | 128);
	}
	return new Uint8Array([...bytes, Number(rest)]);
}

class Reader {
	private at = 0;

	constructor(private readonly message: Bytes) {}

	atEnd(): boolean {
		return this.at === this.message.length;
	}

	field(): Field {
		const tag = this.varint();
		const number = Number(tag >> 3n);
		if (number === 0 || number > 0x1fff_ffff) {
			throw new Refused("malformed");
		}
		return { number, value: this.value(Number(tag & 7n)) };
	}

	private value(wireType: number): bigint | Bytes {
		switch (wireType) {
			case 0:
				return this.varint();
			case 1:
				return littleEndian(this.take(8));
			case 2:
				return this.take(Number(this.varint()));
			case 5:
				return littleEndian(this.take(4));
			default:
				throw new Refused("malformed");
		}
	}

	private varint(): bigint {
		let value = 0n;
		for (let i = 0; i < 10; i++) {
			const byte = this.take(1)[0] as number;
			value |= BigInt(byte & 127) << BigInt(7 * i);
			if (byte < 128) {
				return BigInt.asUintN(64, value);
			}
		}
		throw new Refused("malformed");
	}

	private take(length: number): Bytes {
		if (length > this.message.length - this.at) {
			throw new Refused("malformed");
		}
		this.at += length;
		return this.message.subarray(this.at - length, this.at);
	}
}

function littleEndian(bytes: Bytes): bigint {
	return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
