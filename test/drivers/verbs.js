// Each verb of pg_background with parameters as node-postgres sends them: as text, of no type. Prints one line for each that
// did not do what it should.
const { Client } = require('pg');

async function main() {
  const client = new Client({ host: process.argv[2], port: process.argv[3], user: 'postgres', database: 'postgres' });
  await client.connect();
  const ask = async (call, ...values) => (await client.query('SELECT * FROM ' + call, values)).rows[0];
  const check = (name, got, wanted) => {
    if (got !== wanted) console.log(`${name}: ${got}, not ${wanted}`);
  };
  for (const values of [['SELECT 1'], ['SELECT 1', 0], ['SELECT 1', 65536, 'a label'], ['SELECT 1', null, null]]) {
    const places = values.map((_, i) => '$' + (i + 1)).join(', ');
    const { pid, cookie } = await ask(`pg_background_launch(${places})`, ...values);
    check('wait', (await ask('pg_background_wait($1, $2) AS w', pid, cookie)).w, true);
    check('wait with a time-out', (await ask('pg_background_wait($1, $2, $3) AS w', pid, cookie, 1000)).w, true);
    check('outcome', (await ask('pg_background_outcome($1, $2)', pid, cookie)).state, 'stopped');
    check('result', (await ask('pg_background_result($1, $2) AS (n int)', pid, cookie)).n, 1);
  }
  let { pid, cookie } = await ask('pg_background_launch($1, text_params => $2)', 'SELECT $1::text || $2', ["it's ", 'kept']);
  let handle = `(${pid},${cookie})`;
  check('wait for a handle', (await ask('pg_background_wait($1) AS w', handle)).w, true);
  const status = (await ask('pg_background_status($1) AS s', handle)).s;
  check('a cookie in JSON', String(status.cookie), cookie);
  check('a cookie as a number', Number.isSafeInteger(status.cookie), true);
  check('a cookie that was one', (await ask('pg_background_outcome($1, $2)', status.pid, status.cookie)).state, 'stopped');
  check('result_info', (await ask('pg_background_result_info($1)', handle)).row_count, '1');
  for (const name of ['get_progress', 'error_info']) {
    check(name, Object.values(await ask(`pg_background_${name}($1)`, handle))[0], null);
    check(name, Object.values(await ask(`pg_background_${name}($1, $2)`, pid, cookie))[0], null);
  }
  check('full_sql', (await ask('pg_background_full_sql($1, $2) AS s', pid, cookie)).s, 'SELECT $1::text || $2');
  check('result of a handle', (await ask('pg_background_result($1) AS (t text)', handle)).t, "it's kept");
  check('run', (await ask('pg_background_run($1, $2, $3, $4)', 'SELECT 1', 0, 1000, 'x')).state, 'stopped');
  check('run_query', (await ask('pg_background_run_query($1, $2, $3) AS (n int)', 'SELECT 2', 0, 0)).n, 2);
  const handles = [];
  for (let i = 0; i < 3; i++) {
    const job = await ask('pg_background_submit($1, $2, $3)', 'SELECT 1', 0, 'job ' + i);
    handles.push(`(${job.pid},${job.cookie})`);
  }
  check('wait_any', (await ask('pg_background_wait_any($1, $2)', handles, 1000)).pid > 0, true);
  check('drain', (await ask('pg_background_drain($1, $2)', handles, 1000)).state, 'stopped');
  ({ pid, cookie } = await ask('pg_background_submit($1)', 'SELECT pg_sleep(60)'));
  await ask('pg_background_cancel($1, $2)', pid, cookie);
  await ask('pg_background_cancel($1, $2, $3)', pid, cookie, 1000);
  check('wait_next', (await ask('pg_background_wait_next($1)', 1000)).cookie, cookie);
  await ask('pg_background_cancel($1)', `(${pid},${cookie})`);
  check('cancel_by_label', (await ask('pg_background_cancel_by_label($1, $2) AS n', 'nothing%', 0)).n, 0);
  await ask('pg_background_detach($1, $2)', pid, cookie);
  check('drain_all', await ask('pg_background_drain_all($1)', 1000), undefined);
  check('named', (await ask('pg_background_run($1, label => $2, timeout_ms => $3)', 'SELECT 1', 'named', 500)).label, 'named');
  // Values without a type: the job's statement decides, and nothing is quoted.
  const untyped = await ask('pg_background_query_json($1, text_params => $2) AS j', 'SELECT $1 + 1 AS sum, $2 AS name, $3::date AS day, $4 AS nothing', ['41', "it's '; --", '2001-02-03', null]);
  check('text_params', JSON.stringify(untyped.j), '{"day":"2001-02-03","sum":42,"name":"it\'s \'; --","nothing":null}');
  check('run_all', (await ask('(SELECT count(*)::int AS n, sum(row_count)::int AS rows FROM pg_background_run_all($1)) AS s', ['SELECT 1', 'SELECT generate_series(1, 2)'])).rows, 3);
  // A cursor, in pieces.
  await client.query('BEGIN');
  await client.query("SELECT pg_background_cursor(pg_background_launch($1), 'pieces')", ['SELECT g AS n FROM generate_series(1, 1000) AS g']);
  let sum = 0;
  for (;;) {
    const { rows } = await client.query('FETCH 300 FROM pieces');
    if (rows.length === 0) break;
    for (const row of rows) sum += row.n;
  }
  await client.query('COMMIT');
  check('rows of a cursor', sum, 500500);
  // A notification comes while nothing is asked.
  const told = new Promise((resolve) => client.on('notification', resolve));
  await client.query('LISTEN jobs');
  const job = await ask('pg_background_submit($1, label => $2, notify => $3)', 'SELECT pg_sleep(0.2)', 'a "label"', 'jobs');
  const payload = JSON.parse((await told).payload);
  check('a notification', `${payload.pid} ${payload.cookie} ${payload.label} ${payload.state}`, `${job.pid} ${job.cookie} a "label" stopped`);
  await client.end();
}
main().catch((error) => { console.log(error.code, error.message); process.exitCode = 1; });
