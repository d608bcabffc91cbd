using AdaptFormer.Data;
using AdaptFormer.Data.Images;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;

// The reader that the first argument names is given what AFL makes, again and again in one process. A clean refusal is no finding.
string folder = Directory.CreateTempSubdirectory("adaptformer-fuzz-").FullName;
(string Ending, Action<byte[], string> Read) = args[0] switch
{
    "picture" => (".png", (Action<byte[], string>)((bytes, path) => ImageDecoder.Decode(bytes, path).Dispose())),
    "weights" => (".safetensors", (_, path) => ReadWeights(path)),
    "mat" => (".mat", (_, path) => DatasetSource.Open($"svhn:{path}")),
    "list" => (".csv", (_, path) => DatasetSource.Open(path)),
    "manifest" => (".jsonl", (_, path) => DatasetSource.Open(path)),
    "recipe" => (".json", (_, path) => Recipe.Load(path).ToJson()),
    "sizes" => (".json", (bytes, path) => BackboneConfig.FromJson(System.Text.Encoding.UTF8.GetString(bytes), path)),
    "adapter" => (".safetensors", (_, path) => AdapterFile.Open(path)),
    string other => throw new ArgumentException($"'{other}' is no target; known: picture, weights, mat, list, manifest, recipe, sizes, adapter."),
};
string file = Path.Combine(folder, $"input{Ending}");

SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
{
    using MemoryStream copy = new();
    stream.CopyTo(copy);
    byte[] bytes = copy.ToArray();
    try
    {
        File.WriteAllBytes(file, bytes);
        Read(bytes, file);
    }
    catch (Exception refused) when (refused is InvalidDataException or IOException or ArgumentException)
    {
        // With the file's name, or it is a finding all the same.
        if (args[0] is not "sizes" && !refused.Message.Contains(file, StringComparison.Ordinal)) throw new InvalidOperationException("a refusal without its file", refused);
    }
});

static void ReadWeights(string path)
{
    using WeightsFile weights = WeightsFile.Open(path);
    float[] values = new float[1 << 20];
    foreach (WeightsEntry entry in weights.Entries.Values)
        if (entry.ElementCount <= values.Length) weights.ReadFloat32(entry, values.AsSpan(0, (int)entry.ElementCount));
}
