/**
 * The end of a turn of the event loop: everything that came in together is judged first, then all answers are written
 * one behind the other.
 *
 * A write wakes the client, and on a busy machine a client that is woken once for each of sixteen answers costs more than
 * the answers do. Waiting takes no time: the turn ends when the sessions whose input came with it were served.
 */
let turn: Promise<void> | null = null;

/** Resolves when the sessions that were ready to go on in this turn have done so. */
export function endOfTurn(): Promise<void> {
  return turn ??= Promise.resolve().then(() => {
    turn = null;
  });
}
