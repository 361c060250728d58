/**
 * The yardstick: nginx as a plain reverse proxy, one process, kept-alive upstream connections, nothing buffered, no log.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes the configuration into `folder` and gives the command that runs it in the foreground. */
export function nginxCommand(program, folder, port, upstreamPort) {
  const prefix = join(folder, 'nginx')
  mkdirSync(prefix, { recursive: true })
  const file = join(prefix, 'nginx.conf')
  writeFileSync(file, configuration(prefix, port, upstreamPort))
  return [program, '-p', prefix, '-e', join(prefix, 'error.log'), '-c', file]
}

/** `master_process off`: all work is done in the process that was started, whose time is read. */
function configuration(prefix, port, upstreamPort) {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
master_process off;
worker_rlimit_nofile 16384;
pid ${join(prefix, 'nginx.pid')};
events { worker_connections 12000; }
http {
  access_log off;
  ${places.map((place) => `${place}_temp_path ${join(prefix, place)};`).join('\n  ')}
  keepalive_requests 100000000;
  client_max_body_size 64m;
  upstream vendor {
    server 127.0.0.1:${upstreamPort};
    keepalive 512;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://vendor;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`
}
