/** An object of JSON, not an array. */
export type JSONObject = Record<string, unknown>;

/** What the text says, or nothing if it is not JSON. */
export function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

export function isObject(value: unknown): value is JSONObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the value is an object with exactly these members. */
export function hasExactly(value: unknown, ...members: string[]): value is JSONObject {
	return isObject(value) && Object.keys(value).length === members.length
		&& members.every((member) => Object.hasOwn(value, member));
}
