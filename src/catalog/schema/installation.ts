import type { ColumnType, Generated } from "kysely";

/** One row, inserted by the first command that needs it. */
export interface InstallationTable {
  only_row: Generated<boolean>;
  id: string;
  /** The root of all feeds' default directories. Null: each machine's own. */
  default_root: ColumnType<string | null, string | null, string | null>;
  /** The machine that inserted the row. */
  host: string;
  created_at: Date;
}
