using AdaptFormer.Files;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Opens pre-trained backbones: any weights file, any known naming, sizes by id or from the shapes. Weights are read in place
/// from the mapped file where it holds them as f32. What does not fit is refused as a whole, with every misfit named.
/// </summary>
public static class BackboneLoader
{
    // Left behind by pre-training; no part of the encoder.
    private static readonly string[] PreTrainingWords = ["mask_token", "decoder_", "decoder."];

    /// <summary>Opens the backbone at <paramref name="path"/>; the model keeps the file open and closes it when it is disposed.</summary>
    /// <param name="path">A weights file, or a folder with one and its config.json.</param>
    /// <param name="options">How to build it; all from the file if null.</param>
    /// <returns>A frozen model whose <see cref="Backbone.Source"/> tells what was found.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, holds no known backbone, or does not fit the sizes asked for; all
    /// misfits are named.</exception>
    /// <exception cref="ArgumentException">The id is not known, or the sizes asked for contradict each other.</exception>
    public static Backbone Open(string path, BackboneOptions? options = null)
    {
        options ??= new BackboneOptions();
        CheckpointPlace place = CheckpointPlace.Find(path);
        ModelInFile found = ModelInFile.Open(place.WeightsPath, options.Prefix);
        Backbone? model = null;
        try
        {
            Plan plan = new(found, place, options);
            model = plan.Config.Create(plan.Id, options.Compute);
            plan.Fill(model);
            model.Own(found.File);
            return model;
        }
        catch
        {
            model?.Dispose();
            found.File.Dispose();
            throw;
        }
    }

    /// <summary>What will be built from a file, decided before anything is built.</summary>
    private sealed class Plan
    {
        private readonly ModelInFile _found;
        private readonly BackboneOptions _options;
        private readonly BackboneFamily _family;
        private readonly Preprocessing _preprocessing;
        private readonly WeightsCard _card;
        private readonly CheckpointPlace _place;
        private readonly StateDict _ours;
        private readonly List<string> _changes = [], _notes = [];
        private readonly List<(string, string)> _ignored = [];

        public Plan(ModelInFile found, CheckpointPlace place, BackboneOptions options)
        {
            (_found, _place, _options, _ours) = (found, place, options, found.Names.Ours);
            _card = WeightsCard.Of(File);
            _notes.AddRange(place.Notes);
            if (found.OthersNote is { } others) _notes.Add(others);
            string? id = options.Id ?? (options.Config is null ? place.Id : null);
            ModelDescription? known = id is null || options.Config is not null ? null : ModelZoo.Get(id);
            BackboneConfig config = options.Config ?? known?.Config ?? (id is null ? _card.Config : null) ?? Inferred(new WeightHints(
                options.NumHeads ?? place.NumHeads, place.NormEps, options.ImgSize ?? place.ImgSize, options.NumFrames, place.Activation));
            FileConfig = config = BackboneFamily.Of(config).Fit(config, Ours, _notes);
            if (options.Inflate is { } how) config = config.WithInflation(how, options.InflateTokens);
            _family = BackboneFamily.Of(config);
            if (options.ImgSize is { } side) config = config.WithImgSize(side);
            if (options.NumFrames is { } frames) config = config.WithNumFrames(frames);
            if (options.GlobalPool is { } pool) config = config.WithGlobalPool(pool);
            Config = options.DropPath > 0 ? config with { DropPath = options.DropPath } : config;
            _family.Check(Ours, Config, File.Path);
            _ours = _family.Prepared(Ours);
            Id = id ?? ModelZoo.ArchitectureOf(Config) ?? Config.DefaultId;
            _preprocessing = Expected(place, known, Side(FileConfig)).WithImgSize(Side(Config));
        }

        public string Id { get; }

        public BackboneConfig Config { get; }

        // The sizes before another size of the input was asked for.
        private BackboneConfig FileConfig { get; }

        private StateDict Ours => _ours;

        private WeightsFile File => _found.File;

        private BackboneNames Names => _found.Names;

        public void Fill(Backbone model)
        {
            StateDict state = Ours.Renamed(static name => name);
            if (KeepHead(model.NumFeatures) is { } head) model.ReplaceHead(head);
            _family.Adapt(state, FileConfig, Config, _options.ImgSize is not null, File.Path, _changes);
            WeightLoader.Load(model, state, File.Path, name => Ignores(name, model), MayStartAnew, name => _options.ImgSize is null
                ? _family.Advice(name, Config) : null);

            string[] fresh = [.. model.State().Select(entry => entry.Key).Where(name => !state.Weights.ContainsKey(name))];
            foreach (string name in Names.Outside) _ignored.Add((name, $"outside of '{Names.Wrapper}'"));
            IReadOnlyList<string>? labels = Labels(model);
            LoadReport report = new(File.Path, File.Kind, Names.Map.Name, _found.Wrapper, _changes, _ignored, fresh, _notes);
            StateDict content = Ours.Renamed(name => ReasonToIgnore(name) is PreTraining or Computed ? null : name);
            model.Source = new BackboneSource(report, _preprocessing, () => BackboneDigest.Of(content))
            {
                Labels = labels,
                MultiLabel = _card.MultiLabel && model.Head is not null,
            };
        }

        /// <summary>Names of the classes that came with the weights, if the model has that classifier.</summary>
        private IReadOnlyList<string>? Labels(Backbone model)
        {
            if (model.Head is not { } head || (_card.Labels ?? _place.Labels) is not { } labels) return null;
            if (labels.Count == head.Classes) return labels;
            _notes.Add($"the names of {labels.Count} classes that came with the weights are not used: the classifier has {head.Classes}");
            return null;
        }

        private const string PreTraining = "left over from pre-training", Computed = "it follows from the sizes";

        private BackboneConfig Inferred(WeightHints hints) => BackboneFamily.Of(Ours) is { } family
            ? family.Infer(Ours, File.Path, hints)
            : throw new InvalidDataException(
                $"{File.Path}: its names and shapes are those of no backbone that is known here; give the model's id if it is one.");

        private static int Side(BackboneConfig config) => Math.Min(config.InputShape[^2], config.InputShape[^1]);

        private Preprocessing Expected(CheckpointPlace place, ModelDescription? known, int side)
        {
            if (_options.Preprocessing is { } given) return given;
            if ((_card.Preprocessing ?? place.ReadPreprocessing(_notes) ?? known?.Preprocessing) is { } described) return described;
            _notes.Add(LoadReport.NoStatistics);
            return Preprocessing.ImageNet(side);
        }

        /// <summary>The file's classifier with undefined weights, or null.</summary>
        private Head? KeepHead(int features)
        {
            if (!_options.KeepHead) return null;
            (string name, HeadKind kind) = Ours.Weights.ContainsKey("head.1.weight")
                ? ("head.1.weight", HeadKind.BatchNorm) : ("head.weight", HeadKind.Plain);
            if (!Ours.Weights.TryGetValue(name, out StateDict.Weight? weight) || weight.Shape.Rank != 2) return null;
            if (weight.Shape[1] == 2 * features)
            {
                _notes.Add("the file's head reads the class token beside the mean of the patch tokens (DINOv2), which is not supported: "
                    + "the model has no head");
                return null;
            }

            return new Head(kind, features, weight.Shape[0], new Rng(0));
        }

        private bool Ignores(string name, Backbone model)
        {
            if (model.Head is not null && name.StartsWith("head.", StringComparison.Ordinal)) return false;
            if (ReasonToIgnore(name) is not { } reason) return false;
            _ignored.Add((name, reason));
            return true;
        }

        private string? ReasonToIgnore(string name)
        {
            if (PreTrainingWords.Any(word => name.StartsWith(word, StringComparison.Ordinal))) return PreTraining;
            if (BackboneFamily.IsComputed(name)) return Computed;
            if (name.StartsWith("head.", StringComparison.Ordinal)) return "the model has no head yet";
            return _family.ReasonToIgnore(name, Config);
        }

        private bool MayStartAnew(string name) => !Ours.Weights.ContainsKey(name) && _family.MayStartAnew(name, Config);
    }
}
