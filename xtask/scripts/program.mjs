// A program that says where it listens: what the measuring scripts start, and end again.

import { spawn } from 'node:child_process';

/** Starts a program with nothing of the caller's environment but PATH and `env`, and waits until it `says` its address. */
export async function start(program, args, env, says) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH ?? '', NO_COLOR: '1', ...env }, cwd: '/' });
  // Whatever becomes of the script, nothing is left behind.
  const end = () => child.kill('SIGTERM');
  process.on('exit', end);
  let heard = '';
  const url = await new Promise((found, failed) => {
    const listen = (chunk) => {
      heard += chunk;
      const match = says.exec(heard);
      if (match) found(match[1]);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', (code) => failed(new Error(`${program} ended with ${code}:\n${heard}`)));
  });
  const stop = () => {
    const ended = new Promise((done) => child.once('exit', done));
    end();
    return ended;
  };
  return { url, stop };
}
