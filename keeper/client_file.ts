/**
 * The file of a long message, which the keeper opened as its owner and handed to the front: the front writes it itself, and what it
 * writes passes through no other process. It looks for the lines that would make the message a loop, as the keeper would, and counts
 * what the keeper is told at the end.
 */
import { closeDescriptor, type FileReceiver } from "../net/hand_over.ts";
import { errorText } from "../queue/file_ops.ts";
import { type GivenFile, libcFiles } from "../queue/libc_files.ts";
import { countLines, type HeaderSearch, searchHeader } from "../queue/local_lines.ts";
import { writePace } from "../queue/pace.ts";
import type { Reply } from "./connection.ts";

/** What writing has taken lately, in this process. */
const writing = writePace();

/** A file that this process writes. */
export class ReceivedFile {
  readonly #file: GivenFile;
  readonly #path: string;
  readonly #search: HeaderSearch;
  #lines = 0;
  #trouble: string | null = null;
  #isWriting = false;
  #isOver = false;

  private constructor(file: GivenFile, path: string, forbidden: readonly string[]) {
    this.#file = file;
    this.#path = path;
    this.#search = searchHeader(forbidden);
  }

  /** The file that the keeper's answer about message `mail` tells of; null when none came. */
  static take(files: FileReceiver, mail: number, reply: Reply): ReceivedFile | null {
    const fd = files.take(mail);
    if (fd === null) return null;
    const file = libcFiles()?.given(fd);
    if (file !== undefined) {
      return new ReceivedFile(file, reply.text("path"), reply.list("forbidden"));
    }
    closeDescriptor(fd);
    return null;
  }

  /** Line ends that were written. */
  get lines(): number {
    return this.#lines;
  }

  /** The line that makes it a loop; null: none so far. */
  get loop(): string | null {
    return this.#search.found;
  }

  /** A sentence on what went wrong, if something did. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Writes `chunk`; a promise where the disk makes it wait, and then the chunk is not looked at any more. */
  write(chunk: Uint8Array, lines = countLines(chunk)): void | Promise<void> {
    if (this.#trouble !== null) return;
    this.#lines += lines;
    this.#search.feed(chunk);
    if (writing.isSlow) return this.#writeLater(chunk.slice());
    try {
      writing.time(() => this.#file.write(chunk));
    } catch (error) {
      this.#fail("write", error);
    }
  }

  async #writeLater(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#isWriting = true;
    try {
      await this.#file.writeLater(bytes);
    } catch (error) {
      this.#fail("write", error);
    }
    this.#isWriting = false;
    if (this.#isOver) this.#closeNow();
  }

  /** Closes it, once: at once, or when the thread that still writes is done. The number would be another file's under its hands. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isWriting) this.#closeNow();
  }

  #closeNow(): void {
    try {
      this.#file.close();
    } catch (error) {
      this.#fail("close", error);
    }
  }

  #fail(action: string, error: unknown): void {
    this.#trouble ??= `Cannot ${action} "${this.#path}": ${errorText(error)}`;
  }
}
