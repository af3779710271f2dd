// What other parsers make of manifests, for tests/test_disagreements.py: node independent.mjs MODULES < requests > answers
// A request is a line of JSON [kind, url, file]; an answer {"renditions": [[url, range or null, period], ...][]} or {"error": text}.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.argv[2] + '/');
const mpd = require('mpd-parser');
const m3u8 = require('m3u8-parser');

const range = (part) => (part ? [part.offset, part.offset + part.length - 1].map(Number) : null);

function segments(playlist, base) {
  const found = [];
  for (const segment of playlist.segments || []) {
    const url = segment.resolvedUri || new URL(segment.uri, base).href;
    found.push([url, range(segment.byterange), segment.timeline || 0]);
  }
  return found;
}

function dash(text, url) {
  const manifest = mpd.parse(text, { manifestUri: url });
  const playlists = [...manifest.playlists];
  for (const groups of Object.values(manifest.mediaGroups)) {
    for (const group of Object.values(groups)) {
      for (const track of Object.values(group)) playlists.push(...(track.playlists || []));
    }
  }
  return playlists.map((playlist) =>
    playlist.sidx ? [[playlist.sidx.resolvedUri, range(playlist.sidx.byterange), 0]] : segments(playlist, url));
}

function hls(text, url) {
  const parser = new m3u8.Parser({ uri: url, mainDefinitions: {} });
  parser.push(text);
  parser.end();
  const manifest = parser.manifest;
  if (!manifest.playlists) return [segments(manifest, url)];
  const addresses = manifest.playlists.map((playlist) => playlist.uri);
  for (const groups of Object.values(manifest.mediaGroups || {})) {
    for (const group of Object.values(groups)) {
      for (const track of Object.values(group)) if (track.uri) addresses.push(track.uri);
    }
  }
  return addresses.map((address) => [[new URL(address, url).href, null, 0]]);
}

for (const line of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const [kind, url, file] = JSON.parse(line);
  let answer;
  try {
    const text = readFileSync(file, 'utf8');
    answer = { renditions: kind === 'dash' ? dash(text, url) : hls(text, url) };
  } catch (error) {
    answer = { error: String(error && error.message || error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
