using System.Security.Cryptography;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Export;

/// <summary>
/// Writes models as ONNX by tracing a pass of the real model. The files are checked before they take their place: either both are there and
/// whole, or what was there before still is.
/// </summary>
public static class OnnxExporter
{
    private const double InFloats = 1e-3, InHalves = 2e-2, InWholeNumbers = 0.2, Least = 0.05;

    /// <summary>Writes one model.</summary>
    /// <param name="path">The file to write; a second one, if it is wanted, gets the ending <c>.data</c> too.</param>
    /// <param name="predictor">The model with its labels.</param>
    /// <param name="options">How; with pictures of any size as the input if null.</param>
    /// <param name="adapter">The adapter file that the model was opened with, whose digest the file then names; none if null.</param>
    /// <param name="check">Runs the written file before it takes its place, and throws if it does not answer rightly; not run if
    /// null.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentException">An option is out of range, or the model's pictures cannot be made in a graph.</exception>
    /// <exception cref="NotSupportedException">The model does something that has no counterpart in ONNX.</exception>
    /// <exception cref="InvalidDataException">The written file is not sound.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static OnnxReport Save(
        string path, Predictor predictor, OnnxOptions? options = null, string? adapter = null, Action<string>? check = null)
    {
        OnnxTaskCard task = Card(OnnxNames.Logits, OnnxNames.Logits, predictor.Labels, predictor.MultiLabel, adapter);
        return new OnnxExport(path, predictor.Model, predictor.Pictures, options ?? new OnnxOptions(), check).Save([(task, () => { })]);
    }

    /// <summary>Writes many tasks over one backbone as one file: the layers ahead of the first one that a task changes are there
    /// once.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="backbone">The backbone; the last adapter stays attached to it.</param>
    /// <param name="adapters">The adapter files; each answers under its file's name.</param>
    /// <param name="options">How.</param>
    /// <param name="check">As for one model.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentException">Two adapters have one name, or expect other pictures; or as for one model.</exception>
    /// <exception cref="InvalidDataException">An adapter does not belong to the backbone, or the written file is not sound.</exception>
    /// <exception cref="NotSupportedException">A task does something that has no counterpart in ONNX.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static OnnxReport SaveTasks(
        string path, Backbone backbone, IReadOnlyList<string> adapters, OnnxOptions? options = null, Action<string>? check = null)
    {
        if (adapters.Count == 0) throw new ArgumentException("export: no adapters were given.");
        AdapterInfo[] infos = [.. adapters.Select(AdapterFile.Open)];
        foreach (AdapterInfo info in infos[1..])
        {
            string[] other = [.. infos[0].Preprocessing.DifferencesFrom(info.Preprocessing)];
            if (other.Length > 0)
                throw new ArgumentException($"export: {infos[0].Path} and {info.Path} expect other pictures "
                    + $"({string.Join(", ", other)}), and one file has one input; write two files.");
        }

        List<(OnnxTaskCard, Action)> tasks = [];
        foreach (AdapterInfo info in infos)
        {
            string name = Path.GetFileNameWithoutExtension(info.Path);
            if (tasks.Any(task => task.Item1.Name == name))
                throw new ArgumentException($"export: two adapters are called {name}, and each task answers under its file's name; "
                    + "rename one.");
            tasks.Add((Card(name, name, info.Labels, info.MultiLabel, info.Path), () => AdapterFile.Load(info.Path, backbone)));
        }

        return new OnnxExport(path, backbone, infos[0].Preprocessing, options ?? new OnnxOptions(), check).Save(tasks);
    }

    /// <summary>How far a runtime's logits may be from ours.</summary>
    internal static double Tolerance(WeightStorage weights, IEnumerable<float> logits) => (logits.Max(Math.Abs) + Least) * weights switch
    {
        WeightStorage.Float32 => InFloats,
        WeightStorage.Float16 => InHalves,
        _ => InWholeNumbers,
    };

    private static OnnxTaskCard Card(string name, string output, IReadOnlyList<string> labels, bool multiLabel, string? adapter)
    {
        if (adapter is null) return new OnnxTaskCard(name, output, labels, multiLabel);
        using FileStream stream = File.OpenRead(adapter);
        string digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(stream))}";
        return new OnnxTaskCard(name, output, labels, multiLabel, AdapterFile.Open(adapter).Tuning.Method, digest);
    }
}
