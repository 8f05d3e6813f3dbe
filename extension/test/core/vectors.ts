import { readFileSync } from "node:fs";
import { Refused } from "../../src/core/index";

/** The vectors that Go reads, too. Tests run in the folder extension/. */
export function vectors(name: string): any {
	return JSON.parse(readFileSync(`../testdata/vectors/${name}.json`, "utf8"));
}

/** The code that the call is refused with; nothing if it is not. */
export function refusal(call: () => unknown): string | undefined {
	try {
		call();
		return undefined;
	} catch (error) {
		return codeOf(error);
	}
}

/** The code that the promise is refused with; nothing if it is not. */
export async function laterRefusal(promise: Promise<unknown>): Promise<string | undefined> {
	return promise.then(() => undefined, codeOf);
}

function codeOf(error: unknown): string {
	if (error instanceof Refused) {
		return error.code;
	}
	throw error;
}
