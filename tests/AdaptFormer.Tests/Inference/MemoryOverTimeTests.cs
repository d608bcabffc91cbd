using System.Globalization;
using System.Runtime;
using AdaptFormer.Data.Images;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference;

/// <summary>
/// What a process that answers for days holds: it does not grow. The environment variable ADAPTFORMER_MEMORY gives the number of
/// predictions; of the rounds of opening and closing there is one for ten of them. Other tests would disturb the measurement.
/// </summary>
public sealed class MemoryOverTimeTests(TinyTask task, ITestOutputHelper output) : IClassFixture<TinyTask>
{
    private const string Variable = "ADAPTFORMER_MEMORY";
    private const long Steady = 4 << 20;
    private const long Pooled = 2 * PixelMemory.Giant;      // headers that claim large pictures come at random, and the pool keeps memory of every size

    private static int Given => int.TryParse(Environment.GetEnvironmentVariable(Variable), out int count) ? count : 0;

    [Fact]
    public void Predictions()
    {
        using Predictor predictor = Predictor.OpenAdapter(Adapter(), task.Backbone);
        string[] pictures = Pictures();
        Measure("predictions", Given, i => predictor.Predict(pictures[i % pictures.Length]));
    }

    [Fact]
    public void Damaged_pictures()
    {
        using Predictor predictor = Predictor.OpenAdapter(Adapter(), task.Backbone);
        byte[][] pictures = [.. Pictures().Select(File.ReadAllBytes)];
        Measure("damaged pictures", Given, i =>
        {
            try { predictor.Predict(ByteDamage.Some(pictures[i % pictures.Length], new Rng(3).Derive(i), from: 2)); }
            catch (InvalidDataException) { }
        }, Steady + Pooled);
    }

    [Fact]
    public void Opening_and_closing()
    {
        string adapter = Adapter(), picture = Pictures()[0];
        Measure("rounds of opening and closing", Given / 10, _ =>
        {
            using Predictor predictor = Predictor.OpenAdapter(adapter, task.Backbone);
            predictor.Predict(picture);
        });
    }

    private string Adapter()
    {
        string path = task["adapter.safetensors"];
        using Backbone model = TinyBackbone.Open(task.Backbone, TinyBackbone.Config with { Depth = 2 });
        AdaptFormerTuning tuning = new(Bottleneck: 4);
        tuning.Attach(model, 3, new Rng(1));
        AdapterFile.Save(path, model, tuning, TinyTask.Labels);
        return path;
    }

    private string[] Pictures() =>
        [.. Directory.GetFiles(task["test"], "*.png", SearchOption.AllDirectories), .. ((string[])["web.jfif", "lossy.webp", "anim.gif", "lzw.tif", "rgb.bmp", "rgb.ico"]).Select(PictureFile.Fixture)];

    // A tenth of the work comes first: caches and pools fill then. What is left when nothing needs memory any more is compared.
    private void Measure(string what, int count, Action<int> work, long most = Steady)
    {
        Assert.SkipUnless(Given >= 100, $"{Variable} gives the number of predictions, at least 100.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Resident memory is read from /proc.");
        Held[] held = new Held[10];
        for (int part = 0; part < held.Length; part++)
        {
            for (int i = part * count / held.Length; i < (part + 1) * count / held.Length; i++) work(i);
            held[part] = Held.Now();
        }

        int descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length, threads = Directory.GetDirectories("/proc/self/task").Length;
        output.WriteLine($"memory {what}: {count}, {descriptors} descriptors, {threads} threads; MiB resident{Row(part => part.Resident)}; anonymous{Row(part => part.Anonymous)}; "
            + $"of files{Row(part => part.Files)}; shared{Row(part => part.Shared)}; managed objects{Row(part => part.Objects)}; compiled methods {string.Join(' ', held.Select(part => part.Methods))}");
        Assert.InRange(held[^1].Resident - held[1].Resident, long.MinValue, most);

        string Row(Func<Held, long> bytes) => string.Concat(held.Select(part => string.Create(CultureInfo.InvariantCulture, $" {bytes(part) / 1048576.0:F1}")));
    }

    /// <summary>What a process holds when nothing needs memory any more.</summary>
    /// <param name="Resident">Bytes of memory in all.</param>
    /// <param name="Anonymous">Of them heaps, the runtime's and native ones.</param>
    /// <param name="Files">Of them pages of files: libraries, as far as they were used.</param>
    /// <param name="Shared">Of them compiled code.</param>
    /// <param name="Objects">Bytes of living objects.</param>
    /// <param name="Methods">Methods that were compiled so far.</param>
    private sealed record Held(long Resident, long Anonymous, long Files, long Shared, long Objects, long Methods)
    {
        public static Held Now()
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Dictionary<string, string> status = File.ReadLines("/proc/self/status").Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
            return new Held(Of("VmRSS"), Of("RssAnon"), Of("RssFile"), Of("RssShmem"), GC.GetTotalMemory(forceFullCollection: false), JitInfo.GetCompiledMethodCount());

            long Of(string name) => 1024 * long.Parse(status[name].Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
        }
    }
}
