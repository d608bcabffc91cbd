using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>A model that answers: from the bytes of a picture, or the frames of a clip, to the names of what is on it. Safe for many
/// threads.</summary>
public sealed class Predictor : IDisposable
{
    private const int PicturesAtOnce = 16, ViewsAtOnce = 4, LoadedAtOnce = 64;

    private readonly bool _ownsModel;
    private readonly ImageTransform _transform;

    /// <summary>A predictor of <paramref name="model"/>, which stays the caller's.</summary>
    /// <param name="model">A model with a head.</param>
    /// <param name="labels">Names of the classes, one for each of the head's.</param>
    /// <param name="pictures">What pictures or clips must look like; what the model's weights expect if null.</param>
    /// <param name="multiLabel">Whether a picture may have several classes.</param>
    /// <param name="ownsModel">Whether disposing of the predictor disposes of the model.</param>
    /// <exception cref="ArgumentException">There is no head, or the number of labels is not that of its classes.</exception>
    public Predictor(
        Backbone model, IReadOnlyList<string> labels, Preprocessing? pictures = null, bool multiLabel = false, bool ownsModel = false)
    {
        if (model.Head is not { } head)
            throw new ArgumentException($"{model.Id} has no classifier: give an adapter, or weights that hold one.");
        if (labels.Count != head.Classes)
            throw new ArgumentException($"{model.Id} tells {head.Classes} classes apart, got {labels.Count} labels.");
        (Model, Labels, Pictures, MultiLabel, _ownsModel) = (model, labels, pictures ?? model.ExpectedPictures, multiLabel, ownsModel);
        _transform = Transform(views: null);
    }

    /// <summary>The model.</summary>
    public Backbone Model { get; }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Whether a picture may have several classes; each has a probability of its own then.</summary>
    public bool MultiLabel { get; }

    /// <summary>What is made of pictures, or of clips, before the model sees them.</summary>
    public Preprocessing Pictures { get; }

    /// <summary>Whether it answers to clips and not to pictures.</summary>
    public bool ReadsClips => Model.ReadsClips;

    /// <summary>Opens an adapter together with the backbone that it was trained on.</summary>
    /// <param name="adapter">The adapter file.</param>
    /// <param name="weights">The backbone's weights; null for an adapter of full tuning, which holds all of them.</param>
    /// <param name="precision">Precision of the products; <c>auto</c> is that in which the adapter was trained.</param>
    /// <param name="prefix">Which of several models in the weights file; found if null.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the adapter does not belong to these weights.</exception>
    /// <exception cref="ArgumentException">The adapter needs weights and there are none.</exception>
    public static Predictor OpenAdapter(string adapter, string? weights, Precision precision = Precision.Auto, string? prefix = null)
    {
        AdapterInfo info = AdapterFile.Open(adapter);
        DataType compute = precision.Following(PrecisionChoice.Named(info.SelfTest.Precision)).Compute();
        BackboneConfig config = BackboneConfig.FromJson(info.Backbone.Config, adapter);
        if (weights is null && info.Backbone.Digest.Length > 0)
            throw new ArgumentException(
                $"{adapter} holds an adapter for {info.Backbone.Id}, not the backbone itself: give its weights too (--weights FILE).");
        return Owning(() => weights is null ? config.Create(info.Backbone.Id, compute) : Open(), precision, model =>
        {
            AdapterFile.Load(adapter, model);
            return new Predictor(model, info.Labels, info.Preprocessing, info.MultiLabel, ownsModel: true);
        });

        Backbone Open()
        {
            try
            {
                return BackboneLoader.Open(weights!, new BackboneOptions(
                    info.Backbone.Id, config, config.InputShape[^2], Compute: compute, KeepHead: false,
                    Preprocessing: info.Preprocessing, Prefix: prefix));
            }
            catch (InvalidDataException error)
            {
                throw new InvalidDataException($"{adapter} was trained on {info.Backbone.Id}: {error.Message}", error);
            }
        }
    }

    /// <summary>Opens weights that hold a classifier, as published ones do.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="labels">Names of the classes; those that came with the weights if null, and their numbers where none came.</param>
    /// <param name="model">The model's id, which says how its pictures are normalised; told by the file if null.</param>
    /// <param name="precision">Precision of the products.</param>
    /// <param name="prefix">Which of several models in the weights file; found if null.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, or holds no such model.</exception>
    /// <exception cref="ArgumentException">It holds no classifier, or the labels do not match it.</exception>
    public static Predictor OpenPretrained(
        string weights, IReadOnlyList<string>? labels = null, string? model = null, Precision precision = Precision.Auto,
        string? prefix = null) => Owning(() => BackboneLoader.Open(weights,
            new BackboneOptions(model, Compute: precision.Compute(), Prefix: prefix)), precision, opened => new Predictor(
            opened, labels ?? opened.Source!.Labels ?? [.. Enumerable.Range(0, opened.Head?.Classes ?? 0).Select(k => $"{k}")], null,
            opened.Source!.MultiLabel, ownsModel: true));

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
    public IReadOnlyList<ClassScore> Predict(ReadOnlySpan<byte> file, int topK = 5, string name = "image", double? threshold = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        if (ReadsClips) throw WrongKind(clips: false);
        using ImageTransform.Scratch scratch = new();
        ImageDecoder.Decode(file, scratch.Decoded, name);
        using TensorScope scope = new();
        Shape shape = new([1, .. Model.InputShape]);
        float[] pixels = new float[shape.Length];
        _transform.Apply(scratch.Decoded, new Rng(0), pixels, scratch);
        return Best(Logits(Tensor.From(pixels, shape)).ToArray(), topK, threshold);
    }

    /// <summary>
    /// Names what is on many pictures or in many clips, decoding ahead of the model; the views of a clip are averaged before the softmax.
    /// One that cannot be read does not stop
    /// the others.
    /// </summary>
    /// <param name="items">The pictures or clips.</param>
    /// <param name="topK">How many classes to name at most, at least 1.</param>
    /// <param name="batch">Pictures, or views of clips, per pass through the model; 16 or 4 if null.</param>
    /// <param name="threshold">Least probability of a class that is named; null: 0.5 where an item may have several classes, else
    /// 0.</param>
    /// <param name="views">How each clip is shown; as the model was trained to be scored if null.</param>
    /// <returns>One answer for each item, in order, as they come.</returns>
    /// <exception cref="ArgumentException">The model reads the other kind, or the views are out of range.</exception>
    public IEnumerable<Prediction> Predict(
        UnlabelledDataset items, int topK = 5, int? batch = null, double? threshold = null, ClipViews? views = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return Answers(Load(items, batch ?? (ReadsClips ? ViewsAtOnce : PicturesAtOnce), views), topK, threshold);
    }

    /// <summary>
    /// A loader that makes this model's samples of <paramref name="dataset"/>, the views of a clip one after the other, for scoring: an
    /// item that cannot be read counts as wrong.
    /// </summary>
    /// <param name="dataset">The pictures or clips.</param>
    /// <param name="batch">Pictures, or views of clips, per pass through the model; 64 or 4 if null.</param>
    /// <param name="views">How each clip is shown; as the model was trained to be scored if null.</param>
    /// <exception cref="ArgumentException">The model reads the other kind, or the views are out of range.</exception>
    public DataLoader Load(LabelledDataset dataset, int? batch = null, ClipViews? views = null)
    {
        if (dataset.OfClips != ReadsClips) throw WrongKind(dataset.OfClips);
        return new DataLoader(dataset, views is null ? _transform : Transform(views), new LoaderOptions(
            batch ?? (ReadsClips ? ViewsAtOnce : LoadedAtOnce), Shuffle: false, Unreadable: UnreadableImages.CountAsWrong,
            MultiLabel: MultiLabel && dataset is not UnlabelledDataset));
    }

    private ImageTransform Transform(ClipViews? views) =>
        ImageTransform.ForEvaluation(ReadsClips ? Pictures.ToClips(Model.InputShape[1], views) : Pictures.ToTransform());

    private ArgumentException WrongKind(bool clips) => new(clips
        ? $"{Model.Id} reads pictures, got clips; give image files."
        : $"{Model.Id} reads clips of {Model.InputShape[1]} frames, got pictures; give video files or folders of frames.");

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsModel) Model.Dispose();
    }

    /// <summary>Opens a model and makes a predictor that owns it; if that fails, the model is closed.</summary>
    /// <param name="open">Opens the model.</param>
    /// <param name="precision">In which it is to predict: with <see cref="Precision.Int8"/> the model is frozen and its products run in
    /// 8 bits from now on.</param>
    /// <param name="make">Makes the predictor.</param>
    public static Predictor Owning(Func<Backbone> open, Precision precision, Func<Backbone, Predictor> make)
    {
        Backbone model = open();
        try
        {
            Predictor predictor = make(model);
            if (precision != Precision.Int8) return predictor;
            model.Freeze();
            model.PredictInBytes();
            return predictor;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>One answer an item, in order: the mean of the logits of its views.</summary>
    private IEnumerable<Prediction> Answers(DataLoader all, int topK, double? threshold)
    {
        using DataLoader loader = all;
        ViewMean views = new(loader.Samples.Views);
        List<Prediction> answers = [];
        int item = 0;
        foreach (Batch loaded in loader.Epoch(0))
        {
            answers.Clear();
            using (Batch batch = loaded)
            using (TensorScope scope = new())
            using (BatchPixels pixels = new(batch)) views.Add(Logits(pixels.Tensor), batch.Labels, default, Take);
            foreach (Prediction answer in answers) yield return answer;
        }

        void Take(Tensor logits, ReadOnlySpan<int> labels, ReadOnlySpan<float> targets)
        {
            int index = item++;
            string path = loader.Dataset.Source(index);
            answers.Add(labels[0] == Batch.Unreadable
                ? new Prediction(path, [], loader.UnreadablePictures.First(unreadable => unreadable.Index == index).Reason)
                : new Prediction(path, Best(logits.ToArray(), topK, threshold), null));
        }
    }

    /// <summary>The model, whose weights stay as they are: a device may repeat its calls as one.</summary>
    private Tensor Logits(Tensor pixels) => pixels.Repeat(this, input => Model.Forward(input));

    private IReadOnlyList<ClassScore> Best(ReadOnlySpan<float> logits, int topK, double? threshold) =>
        ClassScores.Best(logits, Labels, MultiLabel, topK, threshold);
}
