// human-emotion and face-api: TensorFlow.js's networks on faces, run by benchmarks/peers.py.
//
// usage: node run_tfjs.cjs NODE_MODULES NAME FACES ANSWERS FILE...

const fs = require("fs");
const path = require("path");

const SIDE = 48;
const AT_ONCE = 32;

async function main(modules, name, facesFile, answersFile, files) {
  const load = (inside) => require(path.join(modules, inside));
  const tf = load("@tensorflow/tfjs");
  const wasm = load("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"));
  wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const makers = { "human-emotion": humanEmotion, "face-api": faceApi };
  const answer = await makers[name](tf, files, modules);
  const faces = fs.readFileSync(facesFile);
  const pixels = SIDE * SIDE;
  const found = [];
  const start = process.cpuUsage();
  for (let at = 0; at < faces.length; at += AT_ONCE * pixels) {
    const part = faces.subarray(at, Math.min(at + AT_ONCE * pixels, faces.length));
    const x = tf.tensor4d(Float32Array.from(part), [part.length / pixels, SIDE, SIDE, 1]);
    const p = await answer(x);
    found.push(Float32Array.from(p));
    x.dispose();
  }
  const used = process.cpuUsage(start);
  fs.writeFileSync(answersFile, Buffer.concat(found.map((p) => Buffer.from(p.buffer))));
  console.log(JSON.stringify({ seconds: (used.user + used.system) / 1e6 }));
}

// 64x64, grey, -1 to 1, resized by TensorFlow.js's own resizeBilinear
async function humanEmotion(tf, [json, bin]) {
  const about = JSON.parse(fs.readFileSync(json));
  const bytes = fs.readFileSync(bin);
  const weights = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = about.weightsManifest.flatMap((group) => group.weights);
  const handler = {
    load: async () => ({ ...about, weightSpecs, weightData: weights }),
  };
  const model = await tf.loadGraphModel(handler);
  return async (x) => {
    const p = tf.tidy(() => {
      const resized = tf.image.resizeBilinear(x.div(255), [64, 64], false);
      return model.execute(resized.sub(0.5).mul(2));
    });
    const values = await p.data();
    p.dispose();
    return values;
  };
}

// by its own function for one face, which resizes to 112x112 and takes its mean off
async function faceApi(tf, [script, manifest], modules) {
  const Module = require("module");
  process.env.NODE_PATH = modules;
  Module._initPaths();
  const faceapi = require(script);
  const net = faceapi.nets.faceExpressionNet;
  await net.loadFromDisk(path.dirname(manifest));
  return async (x) => {
    const p = tf.tidy(() => {
      const faces = tf.unstack(x.tile([1, 1, 1, 3]));
      return net.forwardInput(new faceapi.NetInput(faces));
    });
    const values = await p.data();
    p.dispose();
    return values;
  };
}

const [modules, name, faces, answers, ...files] = process.argv.slice(2);
main(modules, name, faces, answers, files).catch((error) => {
  console.error(String(error.message || error).split("\n")[0]);
  process.exit(1);
});
