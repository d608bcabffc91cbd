using AdaptFormer.Data.Transforms;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;

namespace AdaptFormer.Export;

/// <summary>One export: trace, self-test, files.</summary>
internal sealed class OnnxExport
{
    private const string DataEnding = ".data", WorkEnding = ".exporting";
    private const long MostInside = OnnxModelWriter.MaxBytes - (64 << 20);
    private const string Turned = "Turn a picture as its EXIF orientation says before it is handed in; the graph sees no EXIF.";
    private const string Stored = "Hand a picture in as it is stored; its EXIF orientation is not applied.";
    private readonly string _path;
    private readonly Backbone _model;
    private readonly Preprocessing _pictures;
    private readonly TransformOptions _framing;
    private readonly OnnxOptions _options;
    private readonly Action<string>? _check;

    public OnnxExport(string path, Backbone model, Preprocessing pictures, OnnxOptions options, Action<string>? check)
    {
        options.Validate();
        (_path, _model, _pictures, _options, _check) = (path, model, pictures, options, check);
        _framing = model.ReadsClips ? pictures.ToClips(model.InputShape[1]) with { Crops = 1 } : pictures.ToTransform();
        if (options.Pixels) _framing.Validate();
    }

    /// <summary>Traces each task after its action has attached it, and writes the file.</summary>
    public OnnxReport Save(IReadOnlyList<(OnnxTaskCard Card, Action Attach)> tasks)
    {
        string full = Path.GetFullPath(_path), folder = Path.GetDirectoryName(full)!, name = Path.GetFileName(full);
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"{_path} cannot be written: there is no folder {folder}.");
        if (Directory.Exists(full)) throw new IOException($"{_path} cannot be written: it is a folder.");
        bool external = _options.External || _model.Parameters().Sum(entry => entry.Value.Bytes) > MostInside;
        string work = Path.Combine(folder, $".{name}{WorkEnding}");
        FileStream alone = Begin(work);
        try
        {
            string file = Path.Combine(work, name), data = file + DataEnding;
            (OnnxGraph graph, OnnxCard card) = external ? WithData(data, stream =>
                Write(tasks, new ExternalData(stream), file)) : Write(tasks, null, file);
            OnnxCheck.Structure(file);
            _check?.Invoke(file);
            long bytes = new FileInfo(file).Length + (external ? new FileInfo(data).Length : 0);
            if (external) PlaceBoth(file, data, full, Path.Combine(work, "before"));
            else Disk.Rename(file, full);
            Disk.FlushFolder(folder);
            return new OnnxReport(_path, external ? _path + DataEnding : null, bytes, graph.Nodes.Count, graph.Opset, card);
        }
        finally
        {
            End(alone, work);
        }
    }

    /// <summary>Gives both files their names. A graph must never stand beside numbers of another, which would be read as its own: one that
    /// is there goes first, so that whoever ends the program in between leaves no model, and not a wrong one.</summary>
    private static void PlaceBoth(string file, string data, string full, string before)
    {
        (string fullData, string beforeData) = (full + DataEnding, before + DataEnding);
        if (File.Exists(full)) Disk.Rename(full, before);
        try
        {
            if (File.Exists(fullData)) Disk.Rename(fullData, beforeData);
            Disk.Rename(data, fullData);
            Disk.Rename(file, full);
        }
        catch
        {
            if (File.Exists(beforeData)) File.Move(beforeData, fullData, overwrite: true);
            if (File.Exists(before)) File.Move(before, full, overwrite: true);
            throw;
        }
    }

    // Two exports of one file would take each other's pieces: a file of one with the data of the other. What a killed one left goes.
    private FileStream Begin(string work)
    {
        Disk.CreateFolder(work);
        FileStream alone = FolderLock.TryTake(work)
            ?? throw new IOException($"{_path} is being written by another export; wait until it is done, or give another name.");
        try
        {
            DeletePieces(work);
            return alone;
        }
        catch
        {
            alone.Dispose();
            throw;
        }
    }

    private static void End(FileStream alone, string work)
    {
        using (alone) DeletePieces(work);
        Disk.DeleteEmptyFolder(work);
    }

    private static void DeletePieces(string work)
    {
        foreach (string piece in Directory.EnumerateFiles(work))
            if (Path.GetFileName(piece) != FolderLock.Name) Disk.Delete(piece);
    }

    private static (OnnxGraph, OnnxCard) WithData(string path, Func<Stream, (OnnxGraph, OnnxCard)> write)
    {
        using DiskStream stream = new(path, FileMode.CreateNew);
        (OnnxGraph, OnnxCard) written = write(stream);
        stream.FlushToDisk();
        return written;
    }

    private (OnnxGraph Graph, OnnxCard Card) Write(IReadOnlyList<(OnnxTaskCard Card, Action Attach)> tasks, ExternalData? data, string file)
    {
        OnnxGraph graph = new(_options.Opset, data);
        string pixels = Input(graph);
        (int[] shape, byte[]? bytes, float[] seen) = Example();
        Dictionary<string, float[]> answers = [];
        string? features = null;
        foreach ((OnnxTaskCard task, Action attach) in tasks)
        {
            attach();
            (string f, string? logits) = Tracer.Trace(_model, graph, pixels, _options.Weights);
            if (logits is null) throw new ArgumentException($"{_model.Id} has no classifier to export.");
            graph.Answer(task.Output, logits, OnnxElement.Float32, "batch", (long)task.Labels.Count);
            answers[task.Output] = Answer(seen);
            features ??= f;
        }

        if (_options.Features) graph.Answer(OnnxNames.Features, features!, OnnxElement.Float32, "batch", (long)_model.NumFeatures);
        OnnxSelfTest test = new(shape, bytes, answers,
            OnnxExporter.Tolerance(_options.Weights, answers.Values.SelectMany(logits => logits)));
        OnnxCard card = new(
            OnnxCard.Version, _model.Id, _model.Source?.Digest ?? "", _options.Weights, graph.Inputs[0].Name,
            Upright ? Turned : Stored, _pictures, [.. tasks.Select(task => task.Card)], test);
        using DiskStream stream = new(file, FileMode.CreateNew);
        OnnxModelWriter.Write(graph, _model.Id, Texts(card), Path.GetFileName(file) + DataEnding, stream);
        stream.FlushToDisk();
        return (graph, card);
    }

    private bool Upright => _model.ReadsClips ? _pictures.TurnsClips : _pictures.TurnsPictures;

    private string Input(OnnxGraph graph)
    {
        if (_options.Pixels) return PixelGraph.Add(graph, _framing).Pixels;
        graph.Inputs.Add(new OnnxPort(OnnxNames.Pixels, OnnxElement.Float32,
            ["batch", .. _model.InputShape.Select(dim => (object)(long)dim)]));
        return OnnxNames.Pixels;
    }

    private Dictionary<string, string> Texts(OnnxCard card)
    {
        Dictionary<string, string> texts = new() { [OnnxNames.Card] = card.ToJson() };
        OnnxTaskCard? only = card.Tasks.Count == 1 ? card.Tasks[0] : null;
        new WeightsCard(_pictures, only?.Labels, only is { MultiLabel: true }, _model.Config).AddTo(texts);
        texts["orientation"] = card.Orientation;
        return texts;
    }

    private float[] Answer(float[] seen)
    {
        using TensorScope scope = new();
        return _model.Forward(Tensor.From(seen, new Shape([1, .. _model.InputShape]))).ToArray();
    }

    /// <summary>The self-test's input, and what the model sees of it: a drawn picture with edges, colours and slow changes.</summary>
    private (int[] Shape, byte[]? Bytes, float[] Seen) Example()
    {
        if (!_options.Pixels)
        {
            int[] dims = [1, .. _model.InputShape];
            return (dims, null, new OnnxSelfTest(dims, null, new Dictionary<string, float[]>(), 0).Pixels());
        }

        const int width = 60, height = 45;
        bool clips = _model.ReadsClips;
        int frames = clips ? _model.InputShape[1] : 1;
        byte[] bytes = new byte[frames * height * width * 3];
        float[] seen = new float[_model.InputShape.Length];
        using ImageTransform.Scratch scratch = new();
        scratch.Frames.Reset(frames);
        for (int t = 0; t < frames; t++)
        {
            scratch.Frames[t].Reset(width, height);
            for (int y = 0; y < height; y++)
            {
                Span<byte> row = scratch.Frames[t].Row(y);
                for (int x = 0; x < width; x++)
                {
                    bool inside = ((x - 20 - t) * (x - 20 - t)) + ((y - 22) * (y - 22)) < 150;
                    (row[3 * x], row[(3 * x) + 1], row[(3 * x) + 2]) =
                        inside ? ((byte)230, (byte)60, (byte)40) : ((byte)(4 * x), (byte)(5 * y), (byte)(((x / 6) + (y / 6)) % 2 * 160));
                }

                row.CopyTo(bytes.AsSpan(((t * height) + y) * width * 3));
            }
        }

        ImageTransform.ForEvaluation(_framing).Apply(scratch.Frames, view: 0, new Rng(0), seen, scratch);
        return ([1, .. clips ? (int[])[frames] : [], height, width, 3], bytes, seen);
    }
}
