import type { Account, LeftOut } from "../model";

/** Of the members that no other product has: those that this account would lose. */
export function extras({ id, note, origins }: Account): LeftOut[] {
	return [...noteLost(id, note), ...(origins.length > 0 ? [{ id, member: "origins" as const, whole: false }] : [])];
}

function noteLost(id: string, note: string | undefined): LeftOut[] {
	return note === undefined || note === "" ? [] : [{ id, member: "note", whole: false }];
}
