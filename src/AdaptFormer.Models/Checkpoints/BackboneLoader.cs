using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Files;

namespace AdaptFormer.Models.Checkpoints;

/// <summary>
/// Opens pre-trained backbones: any weights file, any known naming, sizes by id or from the shapes. Weights are read in place
/// from the mapped file where it holds them as f32. What does not fit is refused as a whole, with every misfit named.
/// </summary>
public static class BackboneLoader
{
    /// <summary>Key of the metadata in which a file of this project says what pictures its weights expect.</summary>
    internal const string PreprocessingKey = "preprocessing";

    // Left behind by pre-training; no part of the encoder.
    private static readonly string[] PreTrainingWords = ["mask_token", "decoder_", "decoder."];

    /// <summary>Opens the backbone at <paramref name="path"/>; the model keeps the file open and closes it when it is disposed.</summary>
    /// <param name="path">A weights file, or a folder with one and its config.json.</param>
    /// <param name="options">How to build it; all from the file if null.</param>
    /// <returns>A frozen model whose <see cref="Backbone.Source"/> tells what was found.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, holds no known backbone, or does not fit the sizes asked for; all misfits are named.</exception>
    /// <exception cref="ArgumentException">The id is not known, or the sizes asked for contradict each other.</exception>
    public static Backbone Open(string path, BackboneOptions? options = null)
    {
        options ??= new BackboneOptions();
        CheckpointPlace place = CheckpointPlace.Find(path);
        WeightsFile file = WeightsFile.Open(place.WeightsPath);
        Backbone? model = null;
        try
        {
            BackboneNames names = BackboneNames.Of(StateDict.Of(file), file.Path, options.Prefix);
            Plan plan = new(file, place, names, options);
            model = plan.Config.Create(plan.Id, options.Compute);
            plan.Fill(model);
            model.Own(file);
            return model;
        }
        catch
        {
            model?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>What will be built from a file, decided before anything is built.</summary>
    private sealed class Plan
    {
        private readonly WeightsFile _file;
        private readonly BackboneNames _names;
        private readonly BackboneOptions _options;
        private readonly BackboneFamily _family;
        private readonly Preprocessing _preprocessing;
        private readonly List<string> _changes = [], _notes = [];
        private readonly List<(string, string)> _ignored = [];

        public Plan(WeightsFile file, CheckpointPlace place, BackboneNames names, BackboneOptions options)
        {
            (_file, _names, _options) = (file, names, options);
            string? id = options.Id ?? (options.Config is null ? place.Id : null);
            ModelDescription? known = id is null || options.Config is not null ? null : ModelZoo.Get(id);
            BackboneConfig config = options.Config ?? known?.Config ?? Inferred(new WeightHints(options.NumHeads ?? place.NumHeads, place.NormEps, options.ImgSize ?? place.ImgSize, options.NumFrames, place.Activation));
            FileConfig = config = BackboneFamily.Of(config).Fit(config, Ours, _notes);
            if (options.Inflate is { } how) config = config.WithInflation(how);
            _family = BackboneFamily.Of(config);
            if (options.ImgSize is { } side) config = config.WithImgSize(side);
            if (options.NumFrames is { } frames) config = config.WithNumFrames(frames);
            if (options.GlobalPool is { } pool) config = config.WithGlobalPool(pool);
            Config = options.DropPath > 0 ? config with { DropPath = options.DropPath } : config;
            Id = id ?? ModelZoo.ArchitectureOf(Config) ?? Config.DefaultId;
            _preprocessing = Expected(place, known, Side(FileConfig)).WithImgSize(Side(Config));
        }

        public string Id { get; }

        public BackboneConfig Config { get; }

        // The sizes before another size of the input was asked for.
        private BackboneConfig FileConfig { get; }

        private StateDict Ours => _names.Ours;

        public void Fill(Backbone model)
        {
            StateDict state = Ours.Renamed(static name => name);
            if (KeepHead(model.NumFeatures) is { } head) model.ReplaceHead(head);
            _family.Adapt(state, FileConfig, Config, _options.ImgSize is not null, _file.Path, _changes);
            WeightLoader.Load(model, state, _file.Path, name => Ignores(name, model), MayStartAnew, name => _options.ImgSize is null ? _family.Advice(name, Config) : null);

            string[] fresh = [.. model.State().Select(entry => entry.Key).Where(name => !state.Weights.ContainsKey(name))];
            foreach (string name in _names.Outside) _ignored.Add((name, $"outside of '{_names.Wrapper}'"));
            string wrapper = _file.Container.Length == 0 ? _names.Wrapper : $"{_file.Container} / {_names.Wrapper}".TrimEnd(' ', '/');
            LoadReport report = new(_file.Path, _file.Kind, _names.Map.Name, wrapper, _changes, _ignored, fresh, _notes);
            StateDict content = Ours.Renamed(name => ReasonToIgnore(name) is PreTraining or Computed ? null : name);
            model.Source = new BackboneSource(report, _preprocessing, () => BackboneDigest.Of(content));
        }

        private const string PreTraining = "left over from pre-training", Computed = "it follows from the sizes";

        private BackboneConfig Inferred(WeightHints hints) => BackboneFamily.Of(Ours) is { } family
            ? family.Infer(Ours, _file.Path, hints)
            : throw new InvalidDataException($"{_file.Path}: its names and shapes are those of no backbone that is known here; give the model's id if it is one.");

        private static int Side(BackboneConfig config) => Math.Min(config.InputShape[^2], config.InputShape[^1]);

        private Preprocessing Expected(CheckpointPlace place, ModelDescription? known, int side)
        {
            if (_options.Preprocessing is { } given) return given;
            if (_file.Metadata.TryGetValue(PreprocessingKey, out string? json)) return Preprocessing.FromJson(json, _file.Path);
            if ((place.Preprocessing ?? known?.Preprocessing) is { } described) return described;
            _notes.Add("nothing says how pictures must be normalised: ImageNet's statistics are assumed; give the model's id or the statistics if that is wrong");
            return Preprocessing.ImageNet(side);
        }

        /// <summary>The file's classifier with undefined weights, or null.</summary>
        private Head? KeepHead(int features)
        {
            if (!_options.KeepHead) return null;
            (string name, HeadKind kind) = Ours.Weights.ContainsKey("head.1.weight") ? ("head.1.weight", HeadKind.BatchNorm) : ("head.weight", HeadKind.Plain);
            if (!Ours.Weights.TryGetValue(name, out StateDict.Weight? weight) || weight.Shape.Rank != 2) return null;
            if (weight.Shape[1] == 2 * features)
            {
                _notes.Add("the file's head reads the class token beside the mean of the patch tokens (DINOv2), which is not supported: the model has no head");
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
