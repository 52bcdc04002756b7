import type { MigrateEvent, MigrateSummary } from "./migration-events.ts";
import type { Session, Watch } from "./migration-session.ts";

export async function* shareFirstPass(_s: Session, _w: Watch, _m: MigrateSummary): AsyncGenerator<MigrateEvent> {}
