'use strict';
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

/** Mocha's dot reporter; with BOX_TEST_REPORT set it also leaves what it counted in that file, for `.ci/run`. */
module.exports = class CountingReporter extends reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    const path = process.env.BOX_TEST_REPORT;
    if (path === undefined) return;
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(path, `${passes} ${failures + pending}\n`);
    });
  }
};
