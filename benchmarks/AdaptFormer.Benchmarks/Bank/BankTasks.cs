using System.Text;
using AdaptFormer.Experiments.Benchmarking;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;

namespace AdaptFormer.Benchmarks.Bank;

/// <summary>A backbone and files of tasks with random numbers on it, in a folder that goes away with it.</summary>
internal sealed class BankTasks : IDisposable
{
    /// <summary>Files that differ. More tasks are read from them again: each holds memory of its own, which is what counts.</summary>
    public const int Files = 32;

    private readonly string _folder = Directory.CreateTempSubdirectory("adaptformer-bank-").FullName;
    private readonly RandomWeights? _random;

    private readonly BackboneOptions _options;
    private readonly string _weights;

    public BankTasks(string model, DataType compute)
    {
        _options = new BackboneOptions(Compute: compute, KeepHead: false);
        if (!File.Exists(model)) (_random, _options) = (RandomWeights.For(ModelZoo.Get(model)), _options with { Id = model });
        _weights = _random?.Path ?? model;
        Model = BackboneLoader.Open(_weights, _options);
    }

    public Backbone Model { get; }

    /// <summary>Writes the files of tasks.</summary>
    /// <param name="layers">Blocks with an adapter.</param>
    public string[] Write(string layers = "all")
    {
        AdaptFormerTuning tuning = new(64, Layers: layers);
        using Backbone tuned = BackboneLoader.Open(_weights, _options);
        tuning.Attach(tuned, 10, new Rng(0));
        return [.. Enumerable.Range(0, Files).Select(seed => Write(tuned, tuning, Path.Combine(_folder, $"{layers}-{seed}.safetensors"), seed))];
    }

    /// <summary>A picture of noise, as the model reads it.</summary>
    public float[] Picture(int number)
    {
        float[] pixels = new float[Model.InputShape.Length];
        Rng rng = new(number);
        foreach (ref float pixel in pixels.AsSpan()) pixel = (float)rng.NextNormal();
        return pixels;
    }

    /// <summary>A picture of noise as a file, in the model's size.</summary>
    public byte[] PictureFile()
    {
        int side = Model.InputShape[^1];
        byte[] pixels = new byte[3 * side * side];
        new Random(0).NextBytes(pixels);
        return [.. Encoding.ASCII.GetBytes($"P6 {side} {side} 255\n"), .. pixels];
    }

    /// <summary>Writes files of tasks for a server, and a picture to ask it about.</summary>
    public void WriteTo(string folder)
    {
        string[] paths = Write();
        for (int i = 0; i < paths.Length; i++) File.Copy(paths[i], Path.Combine(folder, $"task{i}.safetensors"), overwrite: true);
        File.WriteAllBytes(Path.Combine(folder, "picture.ppm"), PictureFile());
    }

    /// <summary>A bank that waits for nobody and keeps no trunks.</summary>
    public TaskBank Bank() => new(Model, new TaskBankOptions(BatchDelay: TimeSpan.Zero, TrunkBytes: 0, TaskBytes: 64L << 30));

    public void Dispose()
    {
        Model.Dispose();
        _random?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Write(Backbone tuned, Tuning tuning, string path, int seed)
    {
        Rng rng = new(seed);
        foreach ((_, Parameter parameter) in tuned.TrainableParameters())
            parameter.Assign([.. Enumerable.Range(0, (int)parameter.Length).Select(_ => 0.02f * (float)rng.NextNormal())]);
        string[] labels = [.. Enumerable.Range(0, 10).Select(k => $"class {k}")];
        AdapterFile.Save(path, tuned, tuning, labels, Preprocessing.ImageNet(tuned.InputShape[^1]));
        return path;
    }
}
