using System.Globalization;
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
        });
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
    private void Measure(string what, int count, Action<int> work)
    {
        Assert.SkipUnless(Given >= 100, $"{Variable} gives the number of predictions, at least 100.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Resident memory is read from /proc.");
        long[] resident = new long[10];
        for (int part = 0; part < resident.Length; part++)
        {
            for (int i = part * count / resident.Length; i < (part + 1) * count / resident.Length; i++) work(i);
            resident[part] = Resident();
        }

        int descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length, threads = Directory.GetDirectories("/proc/self/task").Length;
        output.WriteLine($"memory {what}: {count}, resident {string.Join(' ', resident.Select(bytes => (bytes / 1048576.0).ToString("F1", CultureInfo.InvariantCulture)))} MiB, "
            + $"of which {GC.GetTotalMemory(forceFullCollection: true) / 1048576.0:F1} managed, {descriptors} descriptors, {threads} threads");
        Assert.InRange(resident[^1] - resident[1], long.MinValue, Steady);
    }

    private static long Resident()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Trim(), CultureInfo.InvariantCulture);
    }
}
