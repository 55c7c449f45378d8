package torc.clients;

/** How a branch of a global transaction changes a database. */
enum Mode {
  /** The change is made at once; Seata's undo log takes it back. */
  AT,
  /** The amount is reserved first, and booked or released by the application's own second call. */
  TCC,
  /** The change waits, prepared, inside the database. */
  XA
}
