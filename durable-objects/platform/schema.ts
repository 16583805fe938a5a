/**
 * Schema migrations of one object: an ordered list of statements, run once each, in one transaction.
 * Steps are only ever appended: an object may sleep through ten deploys, and a rollback by one version must find
 * tables that it can still use.
 */
export function migrate(storage: DurableObjectStorage, steps: readonly string[]): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY)");
  const done = sql.exec<{ steps: number }>("SELECT COUNT(*) AS steps FROM schema_steps").one().steps;
  if (done >= steps.length) return;
  storage.transactionSync(() => {
    for (const [step, statement] of steps.entries()) {
      if (step < done) continue;
      sql.exec(statement);
      sql.exec("INSERT INTO schema_steps (step) VALUES (?)", step);
    }
  });
}
