using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;

namespace AdaptFormer.Tests.Inference.Bank;

/// <summary>Files of tasks with random numbers for the small models, and pictures to ask about.</summary>
internal sealed class BankFiles : IDisposable
{
    private readonly TestFolder _folder = new();

    public string this[string name] => _folder.PathOf(name);

    public string Folder => Path.GetDirectoryName(_folder.PathOf("x"))!;

    /// <summary>Writes a task's file.</summary>
    /// <param name="backbone">A name of <see cref="TinyModels"/>.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="name">The task's name.</param>
    /// <param name="seed">Names its numbers, and its number of classes: 3, 4 or 5.</param>
    /// <param name="multiLabel">Whether a picture may have several classes.</param>
    public string Save(string backbone, Tuning tuning, string name, int seed = 0, bool multiLabel = false)
    {
        using TensorScope scope = new();
        using Backbone model = TinyModels.Create(backbone);
        tuning.Attach(model, 3 + (seed % 3), new Rng(seed));
        HashSet<string> trained = [.. model.State().Where(entry => entry.Value.IsBuffer || entry.Value.Tensor.Trainable).Select(entry => entry.Key)];
        TinyBackbone.Randomize(model, 20 + seed, trained.Contains);
        model.Freeze();
        string path = _folder.PathOf($"{name}.safetensors");
        string[] labels = [.. Enumerable.Range(0, model.Head!.Classes).Select(i => $"class {i}")];
        AdapterFile.Save(path, model, tuning, labels, Preprocessing.ImageNet(model.InputShape[^1]), multiLabel: multiLabel);
        return path;
    }

    /// <summary>A picture of 20 × 16 pixels, as PGM; another one for each number.</summary>
    public static byte[] Picture(int number)
    {
        byte[] pixels = new byte[20 * 16];
        Rng rng = new(number);
        foreach (ref byte pixel in pixels.AsSpan()) pixel = (byte)rng.NextInt(256);
        return [.. "P5 20 16 255\n"u8, .. pixels];
    }

    public void Dispose() => _folder.Dispose();
}
