'use strict';
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

/** How long what was closed at the end may take to be gone. */
const LEFT_OPEN_MS = 30_000;

/**
 * Mocha's dot reporter. With BOX_TEST_REPORT set it also leaves what it counted in that file, for `.ci/run`. It ends a run that
 * does not end by itself: a test that failed may have left servers open, or ask one again and again that is gone.
 */
module.exports = class CountingReporter extends reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    const path = process.env.BOX_TEST_REPORT;
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      if (path !== undefined) writeFileSync(path, `${passes} ${failures + pending}\n`);
      setTimeout(endRun, LEFT_OPEN_MS).unref();
    });
  }
};

/** With mocha's own exit status. What the tests have started ends with this process: see local/server/guard.ts. */
function endRun() {
  const counts = new Map();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const open = [...counts].map(([name, count]) => `${name} (${count})`).join(', ');
  process.stderr.write(`The tests are over and have left open: ${open}. The run is ended.\n`);
  process.exit();
}
