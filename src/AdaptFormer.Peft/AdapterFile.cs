using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Peft;

/// <summary>
/// A trained task as one small safetensors file: the tensors that were trained, the head's statistics, and in the metadata everything that
/// is needed to use them rightly. Loading checks all of it and is all or nothing; a mismatch names what differs. Full tuning keeps all
/// weights in the same form.
/// </summary>
public static class AdapterFile
{
    private const double Float32Tolerance = 1e-3, BFloat16Tolerance = 5e-2, Int8Tolerance = 0.25;
    private const long SelfTestSeed = 20220526;
    private static float[]? _noise;         // of the self-test that ran last: tests of one backbone's tasks follow each other

    /// <summary>Whether the weights file at <paramref name="path"/> is an adapter.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no weights file.</exception>
    public static bool IsAdapter(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        return AdapterHeader.IsAdapter(file);
    }

    /// <summary>What the adapter at <paramref name="path"/> says about itself; reads no tensor and needs no model.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, no adapter, or of another version.</exception>
    public static AdapterInfo Open(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        return AdapterHeader.Read(file);
    }

    /// <summary>Saves what <paramref name="tuning"/> trained in <paramref name="model"/>, atomically.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="model">The tuned model.</param>
    /// <param name="tuning">The method that was attached to it.</param>
    /// <param name="labels">Names of the classes, one for each of the head's.</param>
    /// <param name="preprocessing">What pictures must look like; that of the model's weights if null.</param>
    /// <param name="metrics">Figures to keep with it; none if null.</param>
    /// <param name="multiLabel">Whether a picture may have several of the classes.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="ArgumentException">
    /// The labels do not match the head, the method is not the model's, or nothing says how pictures are preprocessed.
    /// </exception>
    /// <exception cref="NotFiniteNumberException">The model answers with NaN or infinity.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static AdapterInfo Save(
        string path, Backbone model, Tuning tuning, IReadOnlyList<string> labels, Preprocessing? preprocessing = null,
        IReadOnlyDictionary<string, double>? metrics = null, bool multiLabel = false)
    {
        Head head = model.Head ?? throw new ArgumentException($"{model.Id}: a model without a head has nothing to save.");
        if (labels.Count != head.Classes)
            throw new ArgumentException($"{path}: {labels.Count} labels for a head of {head.Classes} classes.");
        preprocessing ??= model.Source?.Preprocessing
            ?? throw new ArgumentException($"{path}: the model was not loaded from a file, so say how pictures are preprocessed.");
        Dictionary<string, (Parameter Tensor, bool IsBuffer)> state = model.State().ToDictionary();
        IReadOnlyDictionary<string, Shape> names = SavedShapes(model, tuning, head.Classes);
        string[] wrong = [.. names.Keys.Where(name => !state.TryGetValue(name, out var found) || found.Tensor.Shape != names[name])];
        if (wrong.Length > 0)
            throw new ArgumentException(
                $"{path}: the method given is not the model's: {string.Join(", ", wrong.Take(8))} "
                + $"{(wrong.Length == 1 ? "is" : "are")} not there in its shape.");

        float[] answer = Answer(model, model.Forward);
        if (!answer.All(float.IsFinite))
            throw new NotFiniteNumberException(
                $"{path} was not written: the model's answers are not finite, because training has diverged. Lower the learning rate.");
        SafetensorsWriter writer = new();
        foreach (string name in names.Keys) writer.Add(name, StateDict.Weight.Of(state[name].Tensor));

        AdapterInfo info = new(path, tuning, Identity(model, tuning), preprocessing, labels, metrics ?? new Dictionary<string, double>(),
            new SelfTest(Backend.Current.Name, Name(model.Compute), answer),
            names.Keys.Where(name => !state[name].IsBuffer).Sum(name => names[name].Length), 0)
        { MultiLabel = multiLabel };
        AdapterHeader.Write(writer.Metadata, info);
        writer.Save(path);
        return info with { FileBytes = new FileInfo(path).Length };
    }

    /// <summary>
    /// Attaches the adapter at <paramref name="path"/> to <paramref name="model"/> in place of what is attached. When anything does not
    /// fit, the model stays as it was.
    /// </summary>
    /// <param name="path">An adapter file.</param>
    /// <param name="model">The backbone that it was trained on.</param>
    /// <param name="trainable">Whether training goes on; otherwise everything is frozen, which predicts faster.</param>
    /// <param name="preprocessing">What the caller's pictures look like, to be held against the adapter's; not compared if null.</param>
    /// <param name="classes">How many classes the caller's data has; not compared if null.</param>
    /// <returns>What the file says about itself.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, of another version, does not fit this model or data, or answers its self-test differently.
    /// </exception>
    public static AdapterInfo Load(
        string path, Backbone model, bool trainable = false, Preprocessing? preprocessing = null, int? classes = null)
    {
        using WeightsFile file = WeightsFile.Open(path);
        AdapterInfo info = AdapterHeader.Read(file);
        List<string> faults = [.. Misfits(info, model, preprocessing, classes)];
        if (faults.Count > 0) throw new InvalidDataException($"{path} does not fit: {string.Join("; ", faults)}.");

        using Backbone wanted = Attached(file, model, info);
        Dictionary<string, float[]> values = ReadAll(file, Saved(wanted));
        Dictionary<Parameter, float[]> overwritten = [];
        TuningSeams before = TuningSeams.TakeFrom(model);
        try
        {
            Dictionary<string, Parameter> own = model.Parameters().ToDictionary();
            foreach (string name in values.Keys.Where(own.ContainsKey)) overwritten[own[name]] = own[name].ToArray();
            info.Tuning.Attach(model, info.Labels.Count, new Rng(0));
            foreach ((string name, (Parameter tensor, _)) in model.State())
            {
                if (values.TryGetValue(name, out float[]? stored)) tensor.Assign(stored);
            }

            if (!trainable) model.Freeze();
            CheckAnswer(info, model, model.Forward);
        }
        catch
        {
            foreach ((Parameter parameter, float[] old) in overwritten) parameter.Assign(old);
            before.PutBack();
            throw;
        }

        before.Dispose();
        return info;
    }

    /// <summary>Names and shapes of what a file of this method on this model holds, found by attaching it to an empty copy.</summary>
    internal static IReadOnlyDictionary<string, Shape> SavedShapes(Backbone model, Tuning tuning, int classes)
    {
        using Backbone empty = model.CreateEmpty();
        tuning.Attach(empty, classes, Rng.Blank);
        return Saved(empty);
    }

    /// <summary>Names and shapes of what a file of a tuned model holds: what trains, and statistics.</summary>
    internal static IReadOnlyDictionary<string, Shape> Saved(Backbone tuned)
    {
        OrderedDictionary<string, Shape> shapes = [];
        foreach ((string name, (Parameter tensor, bool isBuffer)) in tuned.State())
        {
            if (isBuffer || tensor.Trainable) shapes.Add(name, tensor.Shape);
        }

        return shapes;
    }

    private static BackboneIdentity Identity(Backbone model, Tuning tuning) =>
        new(model.Id, tuning is FullTuning ? "" : model.ContentDigest(), model.Config.Sizes.ToJson());

    /// <summary>What keeps an adapter from being used with a model or its data.</summary>
    internal static IEnumerable<string> Misfits(AdapterInfo info, Backbone model, Preprocessing? preprocessing, int? classes)
    {
        int imgSize = Math.Min(model.InputShape[^1], model.InputShape[^2]);
        if (info.Preprocessing.ImgSize != imgSize)
            yield return $"it was trained on images of {info.Preprocessing.ImgSize} px, the model takes {imgSize} px (set img_size)";
        else if (BackboneConfig.FromJson(info.Backbone.Config, info.Path).Sizes != model.Config.Sizes)
        {
            yield return $"it was trained on {info.Backbone.Id} with {info.Backbone.Config}, "
                + $"the model is {model.Id} with {model.Config.Sizes.ToJson()}";
        }

        if (info.Backbone.Digest.Length > 0 && info.Backbone.Digest != model.ContentDigest())
        {
            yield return $"it was trained on other weights of {info.Backbone.Id} ({Short(info.Backbone.Digest)}) than the model has "
                + $"({Short(model.ContentDigest())}); load the backbone that it was trained on";
        }

        if (preprocessing is not null)
        {
            foreach (string difference in info.Preprocessing.DifferencesFrom(preprocessing))
                yield return $"its pictures were prepared with {difference}";
        }

        if (classes is { } k && k != info.Labels.Count) yield return $"it knows {info.Labels.Count} classes, the data has {k}";
    }

    /// <summary>
    /// An empty copy of <paramref name="model"/> with the file's method attached; it costs next to no memory beside what the method adds.
    /// </summary>
    internal static Backbone Attached(WeightsFile file, Backbone model, AdapterInfo info)
    {
        Backbone empty = model.CreateEmpty();
        try
        {
            info.Tuning.Attach(empty, info.Labels.Count, Rng.Blank);
            return empty;
        }
        catch (ArgumentException e)
        {
            empty.Dispose();
            throw new InvalidDataException($"{file.Path}: its method does not fit {model.Id}: {e.Message}", e);
        }
    }

    /// <summary>Reads what the file holds, if it is exactly what its method trains.</summary>
    internal static Dictionary<string, float[]> ReadAll(WeightsFile file, IReadOnlyDictionary<string, Shape> wanted)
    {
        AdapterTensors held = Held(file, wanted);
        return wanted.Keys.ToDictionary(name => name, held.Read);
    }

    /// <summary>The tensors of a file, not read yet, if they are exactly what its method trains.</summary>
    internal static AdapterTensors Held(WeightsFile file, IReadOnlyDictionary<string, Shape> wanted)
    {
        AdapterTensors held = AdapterTensors.Of(file);
        List<string> faults = [];
        faults.AddRange(wanted.Keys.Where(name => !held.Shapes.ContainsKey(name)).Select(name => $"missing {name}"));
        faults.AddRange(held.Shapes.Keys.Where(name => !wanted.ContainsKey(name)).Select(name => $"unexpected {BadFile.Shorten(name)}"));
        faults.AddRange(wanted.Where(entry => held.Shapes.TryGetValue(entry.Key, out Shape found) && found != entry.Value)
            .Select(entry => $"{entry.Key} is {held.Shapes[entry.Key]}, expected {entry.Value}"));
        if (faults.Count > 0)
            throw new InvalidDataException($"{file.Path} does not hold what its method trains: {string.Join("; ", faults)}.");
        return held;
    }

    /// <summary>The logits of a fixed image of noise.</summary>
    internal static float[] Answer(Backbone model, Func<Tensor, Tensor> forward)
    {
        using TensorScope scope = new();
        Shape shape = new([1, .. model.InputShape]);
        float[]? pixels = _noise;
        if (pixels?.Length != shape.Length)
        {
            pixels = new float[shape.Length];
            Rng rng = new(SelfTestSeed);
            foreach (ref float value in pixels.AsSpan()) value = (float)rng.NextNormal();
            _noise = pixels;
        }

        return forward(Tensor.From(pixels, shape)).ToArray();
    }

    /// <summary>Throws unless a pass answers the fixed image of noise as it did when the file was written.</summary>
    internal static void CheckAnswer(AdapterInfo info, Backbone model, Func<Tensor, Tensor> forward)
    {
        float[] answer = Answer(model, forward), expected = info.SelfTest.Logits;
        bool exact = model.Compute == DataType.Float32 && info.SelfTest.Precision == Name(DataType.Float32);
        double tolerance = model.PredictsInBytes ? Int8Tolerance : exact ? Float32Tolerance : BFloat16Tolerance;
        double allowed = tolerance * (expected.Max(Math.Abs) + 0.05), worst = 0;
        for (int i = 0; i < answer.Length; i++)
        {
            double difference = Math.Abs(answer[i] - expected[i]);
            if (!(difference <= worst)) worst = difference;       // a NaN counts as the worst
        }

        if (worst <= allowed) return;
        throw new InvalidDataException(
            $"{info.Path}: its self-test gives other logits than when it was saved, by {worst:G3} where {allowed:G3} is allowed. "
            + $"Saved on {info.SelfTest.Backend} in {info.SelfTest.Precision}, run on {Backend.Current.Name} in "
            + $"{(model.PredictsInBytes ? "int8" : Name(model.Compute))}; "
            + "the weights agree, so try the precision and the backend that it was saved with.");
    }

    internal static string Name(DataType type) => type == DataType.Float32 ? "float32" : "bfloat16";

    private static string Short(string digest) => digest.Length > 19 ? digest[..19] : digest;
}
