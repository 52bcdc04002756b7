import { initial } from "./0001-initial.ts";

/** Numbered from 1, append-only, in order of application. */
export const migrations: readonly { name: string; sql: string }[] = [{ name: "initial", sql: initial }];

export const newestSchema = migrations.length;
