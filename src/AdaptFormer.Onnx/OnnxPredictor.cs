using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Export;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using Microsoft.ML.OnnxRuntime;

namespace AdaptFormer.Onnx;

/// <summary>
/// A model that answers, as <see cref="Predictor"/>, computed by ONNX Runtime from an exported file: from the bytes of a picture to the
/// names of what is on it. Pictures are decoded here and turned by the rule that the file records. Safe for many threads.
/// </summary>
public sealed class OnnxPredictor : IDisposable
{
    private readonly OnnxModel _model;
    private readonly OnnxTaskCard _task;
    private readonly ImageTransform _transform;
    private readonly bool _ownsModel;

    /// <summary>A predictor of one task of <paramref name="model"/>, which stays the caller's.</summary>
    /// <param name="model">The open file.</param>
    /// <param name="task">Which task; the only one if null.</param>
    /// <exception cref="ArgumentException">There is no such task, or there are several and none was named.</exception>
    public OnnxPredictor(OnnxModel model, string? task = null)
        : this(model, task, ownsModel: false)
    {
    }

    private OnnxPredictor(OnnxModel model, string? task, bool ownsModel)
    {
        IReadOnlyList<OnnxTaskCard> tasks = model.Card.Tasks;
        string known = string.Join(", ", tasks.Select(one => one.Name));
        if (task is null && tasks.Count > 1) throw new ArgumentException($"{model.Path} answers several tasks; say which: {known}.");
        _task = tasks.FirstOrDefault(one => task is null || one.Name == task)
            ?? throw new ArgumentException($"{model.Path} has no task '{task}'; it answers {known}.");
        (_model, _ownsModel) = (model, ownsModel);
        _transform = ImageTransform.ForEvaluation(Options);
    }

    /// <summary>Opens an exported file and runs its self-test.</summary>
    /// <param name="path">The file.</param>
    /// <param name="task">Which of several tasks; the only one if null.</param>
    /// <param name="configure">Sets ONNX Runtime's options, for example an execution provider:
    /// <c>options => options.AppendExecutionProvider_CUDA()</c>.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no such file, is damaged, or answers its self-test wrongly here.</exception>
    /// <exception cref="ArgumentException">There is no such task, or there are several and none was named.</exception>
    /// <exception cref="DllNotFoundException">ONNX Runtime's native library is absent.</exception>
    public static OnnxPredictor Open(string path, string? task = null, Action<SessionOptions>? configure = null)
    {
        OnnxModel model = OnnxModel.Open(path, configure);
        try
        {
            model.CheckAnswer();
            return new OnnxPredictor(model, task, ownsModel: true);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Labels => _task.Labels;

    /// <summary>Whether a picture may have several classes; each has a probability of its own then.</summary>
    public bool MultiLabel => _task.MultiLabel;

    /// <summary>What is made of pictures before the model sees them.</summary>
    public Preprocessing Pictures => _model.Card.Preprocessing;

    /// <summary>Whether it answers to clips and not to pictures.</summary>
    public bool ReadsClips => _model.Card.SelfTest.Shape.Count == 5;

    /// <summary>Names what is on a picture.</summary>
    /// <param name="path">An image file.</param>
    /// <param name="topK">How many classes to name at most, at least 1.</param>
    /// <param name="threshold">Least probability of a class that is named; null: 0.5 where a picture may have several classes, else
    /// 0.</param>
    /// <returns>The most probable classes, best first.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no image, or a damaged one.</exception>
    public IReadOnlyList<ClassScore> Predict(string path, int topK = 5, double? threshold = null) =>
        Predict(RegularFile.ReadAllBytes(path, "a picture"), topK, path, threshold);

    /// <summary>Names what is on a picture.</summary>
    /// <param name="file">The bytes of an image file.</param>
    /// <param name="topK">How many classes to name at most, at least 1.</param>
    /// <param name="name">What messages call the picture.</param>
    /// <param name="threshold">Least probability of a class that is named; null: 0.5 where a picture may have several classes, else
    /// 0.</param>
    /// <returns>The most probable classes, best first.</returns>
    /// <exception cref="InvalidDataException">It is no image, or a damaged one.</exception>
    /// <exception cref="ArgumentException">The model reads clips.</exception>
    public IReadOnlyList<ClassScore> Predict(ReadOnlySpan<byte> file, int topK = 5, string name = "image", double? threshold = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        using ImageTransform.Scratch scratch = new();
        ImageDecoder.Decode(file, scratch.Decoded, name);
        return ClassScores.Best(Logits(scratch), Labels, MultiLabel, topK, threshold);
    }

    /// <summary>Names what is on many pictures or in many clips; the views of a clip are averaged before the softmax. An item that cannot
    /// be read does not stop the others.</summary>
    /// <param name="items">Pictures, or clips for a file that reads those.</param>
    /// <param name="topK">How many classes to name at most, at least 1.</param>
    /// <param name="threshold">Least probability of a class that is named; null: 0.5 where a picture may have several classes, else
    /// 0.</param>
    /// <returns>One answer for each item, in order, as they come.</returns>
    /// <exception cref="ArgumentException">The items are of the other kind, or clips are scored at several places of each frame while the
    /// file sees the middle one.</exception>
    public IEnumerable<Prediction> Predict(UnlabelledDataset items, int topK = 5, double? threshold = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        if (items.OfClips != ReadsClips)
            throw new ArgumentException($"{_model.Path} reads {(ReadsClips ? "clips" : "pictures")}, got {items.Things}.");
        if (_model.Card.Input == OnnxNames.Clip && Options.Crops > 1)
            throw new ArgumentException(
                $"{_model.Path}: the model is scored at {Options.Crops} places of each frame, and this file sees the middle one; "
                + "export it with --pixels false.");
        return Answers(items, topK, threshold);
    }

    /// <summary>The logits of a picture, [K].</summary>
    /// <param name="file">The bytes of an image file.</param>
    /// <param name="name">What messages call the picture.</param>
    /// <exception cref="InvalidDataException">It is no image, or a damaged one.</exception>
    /// <exception cref="ArgumentException">The model reads clips.</exception>
    public float[] Logits(ReadOnlySpan<byte> file, string name = "image")
    {
        using ImageTransform.Scratch scratch = new();
        ImageDecoder.Decode(file, scratch.Decoded, name);
        return Logits(scratch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsModel) _model.Dispose();
    }

    private TransformOptions Options => ReadsClips ? Pictures.ToClips(_model.Card.SelfTest.Shape[Frames]) : Pictures.ToTransform();

    /// <summary>Which axis of the input counts frames.</summary>
    private int Frames => _model.Card.Input == OnnxNames.Pixels ? 2 : 1;

    private IEnumerable<Prediction> Answers(UnlabelledDataset items, int topK, double? threshold)
    {
        using ImageTransform.Scratch scratch = new();
        for (int i = 0; i < items.Count; i++)
        {
            string path = items.Source(i), error = "";
            float[] logits = [];
            try
            {
                logits = Logits(items, i, scratch);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                error = e.Message;
            }

            yield return error.Length > 0
                ? new Prediction(path, [], error)
                : new Prediction(path, ClassScores.Best(logits, Labels, MultiLabel, topK, threshold), null);
        }
    }

    /// <summary>The mean of the logits of an item's views.</summary>
    private float[] Logits(UnlabelledDataset items, int item, ImageTransform.Scratch scratch)
    {
        if (!items.OfClips)
        {
            items.Load(item, scratch.Decoded);
            return Logits(scratch);
        }

        int[] numbers = new int[_transform.NumFrames];
        double[] sum = new double[Labels.Count];
        for (int view = 0; view < _transform.Views; view++)
        {
            _transform.Frames(items.FrameCount(item), view, new Rng(0), numbers);
            items.Load(item, numbers, scratch.Frames, _transform.DecodedSide);
            float[] logits = View(view, scratch);
            for (int k = 0; k < sum.Length; k++) sum[k] += logits[k];
        }

        return [.. sum.Select(value => (float)(value / _transform.Views))];
    }

    private float[] View(int view, ImageTransform.Scratch scratch)
    {
        if (_model.Card.Input == OnnxNames.Pixels)
        {
            float[] pixels = new float[_transform.SampleLength];
            _transform.Apply(scratch.Frames, view, new Rng(0), pixels, scratch);
            return Run(pixels, [1, .. _transform.Dims]);
        }

        using ImageBuffer turned = new();
        ClipBuffer frames = scratch.Frames;
        (int width, int height) = (0, 0);
        byte[] bytes = [];
        for (int t = 0; t < frames.Count; t++)
        {
            ImageBuffer shown = Uprighting.Shown(_transform.Orientation, frames[t], turned);
            (width, height) = (shown.Width, shown.Height);
            if (t == 0) bytes = new byte[frames.Count * shown.Pixels.Length];
            shown.Pixels.CopyTo(bytes.AsSpan(t * shown.Pixels.Length));
        }

        return _model.Run(bytes, [1, frames.Count, height, width, 3], [_task.Output])[_task.Output];
    }

    /// <summary>The logits of a picture that was decoded.</summary>
    private float[] Logits(ImageTransform.Scratch scratch)
    {
        if (ReadsClips) throw new ArgumentException($"{_model.Path} reads clips, got a picture; give video files or folders of frames.");
        if (_model.Card.Input == OnnxNames.Pixels)
        {
            float[] pixels = new float[_transform.SampleLength];
            _transform.Apply(scratch.Decoded, new Rng(0), pixels, scratch);
            return Run(pixels, [1, .. _transform.Dims]);
        }

        using ImageBuffer upright = new();
        ImageBuffer shown = Uprighting.Shown(_transform.Orientation, scratch.Decoded, upright);
        return _model.Run(shown.Pixels.ToArray(), [1, shown.Height, shown.Width, 3], [_task.Output])[_task.Output];
    }

    private float[] Run(float[] pixels, int[] shape) => _model.Run(pixels, shape, [_task.Output])[_task.Output];
}
