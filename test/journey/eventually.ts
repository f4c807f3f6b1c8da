// Pages answer in their own time: what a test expects of one is asked until it is so.

/** Repeats a check until it holds; after `limit` milliseconds its last failure is the test's. */
export async function eventually<T>(check: () => Promise<T>, limit = 15_000): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await new Promise(done => setTimeout(done, 50));
    }
  }
}
