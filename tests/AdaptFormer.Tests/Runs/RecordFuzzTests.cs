using System.Text;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Caching;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Runs;

/// <summary>
/// Damaged recipes, sweeps, edits, configurations, records of runs, checkpoints and kept tensors: each is read, or refused with one clean
/// error that names the file.
/// </summary>
public sealed class RecordFuzzTests(RecordFuzzTests.Seeds seeds, ITestOutputHelper output) : IClassFixture<RecordFuzzTests.Seeds>
{
    public static TheoryData<string> AllKinds =>
        ["recipe", "pretrain", "sweep", "set", "log", "pretrain-log", "summary", "result", "answers", "config", "sizes", "manifest", "prefix"];

    [Theory]
    [MemberData(nameof(AllKinds))]
    public void Damaged_files_are_read_or_refused_cleanly_quickly_and_frugally(string kind)
    {
        (string path, byte[] seed, Action use) = seeds.Of(kind);
        Use(seed);
        try
        {
            new Fuzz(kind, output) { Named = path, Refuses = error => error is RecipeException or InvalidDataException }
                .Run(rng => kind == "prefix" ? ByteDamage.Some(seed, rng, start: 300) : JsonDamage.Mutate(Encoding.UTF8.GetString(seed), rng), Use);
        }
        finally
        {
            File.WriteAllBytes(path, seed);
        }

        void Use(byte[] file)
        {
            File.WriteAllBytes(path, file);
            use();
        }
    }

    /// <summary>A good file of every kind, from a real run, and what reads it.</summary>
    public sealed class Seeds : IDisposable
    {
        private const string Sizes = """{"img_height":16,"img_width":16,"patch_size":8,"embed_dim":16,"depth":2,"num_heads":2,"mlp_ratio":2}""";
        private readonly TinyTask _task = new();
        private readonly string _run;

        public Seeds()
        {
            _run = _task["run"];
            Recipe recipe = Recipe.Load(_task.Recipe, ["epochs=2", "workers=1", "tuning={\"method\": \"linear\"}", "data.transform.flip=false", "cache.mode=auto", $"cache.folder={_task["kept"]}"]);
            TrainingRun.Execute(recipe, _run, ExistingRun.Refuse, _ => { });
            using TrialStore store = TrialStore.Open(_task["compared"]);
            InProcessHost host = new();
            PlannedRow row = new("adapter", [new Candidate([], recipe)]);
            new Experiment(new ExperimentPlan("comparison", [row], [0], TestRows.All), store, new TrialScheduler(store, host, TrialSlots.Here(host), _ => { }), _ => { }).Run();
        }

        public void Dispose() => _task.Dispose();

        /// <summary>Where a kind's file is, what is in it when it is good, and what reads it.</summary>
        public (string Path, byte[] Seed, Action Use) Of(string kind)
        {
            string path = _task[$"fuzz-{kind}.json"];
            switch (kind)
            {
                case "recipe": return (path, File.ReadAllBytes(_task.Recipe), () => Recipe.Load(path).ToJson());
                case "pretrain":
                    string text = $$$"""
                        {"model":{"name":"tiny","weights":null,"normalize":"imagenet","config":{{{Sizes}}}},"pretraining":{"mask_ratio":0.5,"decoder_embed_dim":12,"decoder_depth":1,
                        "decoder_num_heads":3},"data":{"train":"t","transform":{"min_area":0.5}},"epochs":4,"batch":8,"precision":"float32","schedule":{"name":"cosine","warmup_epochs":1}}
                        """;
                    return (path, Encoding.UTF8.GetBytes(text), () => { PretrainRecipe.IsPretrain(path); PretrainRecipe.Load(path).ToJson(); });
                case "sweep":
                    text = """
                        {"recipe":"r.json","set":{"epochs":2},"grid":{"tuning.bottleneck":[1,2]},"random":{"tuning.scale":"loguniform(0.1,1)"},"trials":2,
                        "groups":[{"name":"a","set":{"batch":3},"grid":{"seed":[1]}}],"seeds":2,"test":"best","paper":{"x":1.5}}
                        """;
                    return (path, Encoding.UTF8.GetBytes(text), () => { SweepFile.IsSweep(path); ReadSweep(path); });
                case "set":
                    text = """{"method":"adaptformer","bottleneck":8,"layers":"1-2","scale":0.1,"dropout":0.5}""";
                    return (path, Encoding.UTF8.GetBytes(text), () => Edit(path));
                case "log": return Record(path, "log.jsonl", () => EpochLog.Read(path));
                case "pretrain-log":
                    string line = new EarlierPretrainEpoch(1, 0.5, 0.1, 20, 0.1, 3).ToJsonLine();
                    return (path, Encoding.UTF8.GetBytes($"{line}\n"), () => EpochLog.Read(path));
                case "summary":
                    path = Path.Combine(_run, "summary.json");
                    return (path, File.ReadAllBytes(path), () => RunDirectory.Open(_run).ReadSummary());
                case "result": return (path, File.ReadAllBytes(_task["compared/comparison.json"]), () => ExperimentResult.Read(path));
                case "answers": return (path, File.ReadAllBytes(Directory.GetFiles(_task["compared/test"])[0]), () => TestAnswers.Read(path));
                case "config":
                    Directory.CreateDirectory(_task["model"]);
                    File.WriteAllText(_task["model/model.safetensors"], "");
                    path = _task["model/config.json"];
                    text = """{"model_type":"swin","num_attention_heads":3,"hidden_act":"gelu","image_size":16,"layer_norm_eps":1e-6,"use_swiglu_ffn":false}""";
                    return (path, Encoding.UTF8.GetBytes(text), () => CheckpointPlace.Find(_task["model"]));
                case "sizes": return (path, Encoding.UTF8.GetBytes(Sizes), () => ReadSizes(path));
                case "manifest":
                    text = """{"path":"a.jpg","label":"cat","labels":["a","b"]}""";
                    return (path, Encoding.UTF8.GetBytes(text), () => JsonLinesManifest.Read(path, new ListBuilder(path, _task["train"], "pictures"), ["path"], ["label", "labels"]));
                default:
                    path = Directory.GetFiles(_task["kept"], "*.prefix")[0];
                    PrefixHeader header = PrefixHeader.Of(path)!;
                    return (path, File.ReadAllBytes(path), () => ReadPrefix(path, header));
            }
        }

        private (string, byte[], Action) Record(string path, string name, Action use) => (path, File.ReadAllBytes(Path.Combine(_run, name)), use);

        private void Edit(string path)
        {
            string text = File.ReadAllText(path);
            try
            {
                Recipe.Load(_task.Recipe, [$"tuning={text}", "epochs=3"]).ToJson();
            }
            catch (RecipeException error)
            {
                Assert.Contains(_task.Recipe, error.Message, StringComparison.Ordinal);
                throw new RecipeException(path, [error.Message]);
            }
        }

        private void ReadSweep(string path)
        {
            SweepFile file = SweepFile.Load(path);
            try
            {
                file.Rows(_task.Recipe, []);
            }
            catch (ArgumentException error) when (error is not RecipeException)
            {
                throw new RecipeException(path, [error.Message]);       // what a key or a value is wrong for is said without the file
            }
            catch (RecipeException error)
            {
                throw new RecipeException(path, [error.Message]);
            }
        }

        private static void ReadSizes(string path)
        {
            try
            {
                BackboneConfig.FromJson(File.ReadAllText(path), path);
            }
            catch (ArgumentException error)
            {
                throw new RecipeException(path, [error.Message]);       // sizes that contradict each other: the caller knows where they stand
            }
        }

        private static void ReadPrefix(string path, PrefixHeader header)
        {
            using PrefixFile file = PrefixFile.Open(path, header) ?? throw new InvalidDataException($"{path} is not whole");
            byte[] elements = new byte[header.RecordBytes - PrefixHeader.Preamble];
            for (int i = 0; i < header.Samples; i++) file.Read(i, elements);
        }
    }
}
