import { hex } from "./bytes";
import type { Random } from "./model";

/** A UUID of version 4 (RFC 9562 §5.4). */
export function uuid(random: Random): string {
	const bytes = random(16);
	bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
	bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
	return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
