using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
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
    /// <exception cref="InvalidDataException">The file is damaged, holds no plain ViT, or does not fit the sizes asked for; all misfits are named.</exception>
    /// <exception cref="ArgumentException">The id is not known, or the sizes asked for contradict each other.</exception>
    public static VisionTransformer Open(string path, BackboneOptions? options = null)
    {
        options ??= new BackboneOptions();
        CheckpointPlace place = CheckpointPlace.Find(path);
        WeightsFile file = WeightsFile.Open(place.WeightsPath);
        VisionTransformer? model = null;
        try
        {
            BackboneNames names = BackboneNames.Of(StateDict.Of(file), file.Path, options.Prefix);
            Plan plan = new(file, place, names, options);
            model = new VisionTransformer(plan.Id, plan.Config, options.Compute);
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
        private readonly Preprocessing _preprocessing;
        private readonly List<string> _resized = [], _notes = [];
        private readonly List<(string, string)> _ignored = [];

        public Plan(WeightsFile file, CheckpointPlace place, BackboneNames names, BackboneOptions options)
        {
            (_file, _names, _options) = (file, names, options);
            string? id = options.Id ?? (options.Config is null ? place.Id : null);
            ModelDescription? known = id is null || options.Config is not null ? null : ModelZoo.Get(id);
            VitConfig config = options.Config ?? known?.Config ?? VitShapes.Infer(Ours, file.Path, options.NumHeads ?? place.NumHeads);
            if (known is not null && config.PreLogits > 0 && !Ours.Weights.ContainsKey("pre_logits.fc.weight"))
            {
                config = config with { PreLogits = 0 };
                _notes.Add("the file has no pre_logits layer, so the model is built without one");
            }

            if (place.NormEps is { } eps && known is null && options.Config is null) config = config with { NormEps = eps };
            FileConfig = config;
            if (options.ImgSize is { } size) config = config with { ImgHeight = size, ImgWidth = size };
            Config = config with
            {
                GlobalPool = options.GlobalPool ?? (config.GlobalPool || (Ours.Weights.ContainsKey("fc_norm.weight") && !Ours.Weights.ContainsKey("norm.weight"))),
                DropPath = options.DropPath > 0 ? options.DropPath : config.DropPath,
            };
            Id = id ?? ModelZoo.ArchitectureOf(Config) ?? $"vit_dim{config.EmbedDim}_depth{config.Depth}_patch{config.PatchSize}_{config.ImgHeight}";
            _preprocessing = Expected(place, known, FileConfig).WithImgSize(Math.Min(Config.ImgHeight, Config.ImgWidth));
        }

        public string Id { get; }

        public VitConfig Config { get; }

        // The sizes before another image size was asked for.
        private VitConfig FileConfig { get; }

        private StateDict Ours => _names.Ours;

        public void Fill(VisionTransformer model)
        {
            StateDict state = Ours.Renamed(static name => name);
            if (KeepHead() is { } head) model.ReplaceHead(head);
            ResizePositions(state);
            WeightLoader.Load(model, state, _file.Path, name => Ignores(name, model), IsFresh, Advice);

            string[] fresh = [.. model.State().Select(entry => entry.Key).Where(name => !state.Weights.ContainsKey(name))];
            foreach (string name in _names.Outside) _ignored.Add((name, $"outside of '{_names.Wrapper}'"));
            string wrapper = _file.Container.Length == 0 ? _names.Wrapper : $"{_file.Container} / {_names.Wrapper}".TrimEnd(' ', '/');
            LoadReport report = new(_file.Path, _file.Kind, _names.Map.Name, wrapper, _resized, _ignored, fresh, _notes);
            StateDict content = Ours.Renamed(name => ReasonToIgnore(name) == PreTraining ? null : name);
            model.Source = new BackboneSource(report, _preprocessing, () => BackboneDigest.Of(content));
        }

        private const string PreTraining = "left over from pre-training";

        private Preprocessing Expected(CheckpointPlace place, ModelDescription? known, VitConfig config)
        {
            if (_options.Preprocessing is { } given) return given;
            if (_file.Metadata.TryGetValue(PreprocessingKey, out string? json)) return Preprocessing.FromJson(json, _file.Path);
            if ((place.Preprocessing ?? known?.Preprocessing) is { } described) return described;
            _notes.Add("nothing says how pictures must be normalised: ImageNet's statistics are assumed; give the model's id or the statistics if that is wrong");
            return Preprocessing.ImageNet(config.ImgHeight);
        }

        /// <summary>The file's classifier with undefined weights, or null.</summary>
        private Head? KeepHead()
        {
            if (!_options.KeepHead) return null;
            int features = Config.PreLogits > 0 ? Config.PreLogits : Config.EmbedDim;
            (string name, HeadKind kind) = Ours.Weights.ContainsKey("head.1.weight") ? ("head.1.weight", HeadKind.BatchNorm) : ("head.weight", HeadKind.Plain);
            if (!Ours.Weights.TryGetValue(name, out StateDict.Weight? weight) || weight.Shape.Rank != 2) return null;
            return new Head(kind, features, weight.Shape[0], new Rng(0));
        }

        private void ResizePositions(StateDict state)
        {
            if (_options.ImgSize is null || !state.Weights.TryGetValue("pos_embed", out StateDict.Weight? table)) return;
            (int, int) to = (Config.GridHeight, Config.GridWidth);
            (int, int) from = table.Shape.Rank == 3 && table.Shape[1] == FileConfig.Tokens ? (FileConfig.GridHeight, FileConfig.GridWidth) : VitShapes.Grid(table.Shape, _file.Path);
            if (from == to || table.Shape[2] != Config.EmbedDim) return;
            float[] resized = PositionEmbeddings.Resize(table.ToArray(), Config.EmbedDim, extra: 1, from, to);
            state.Add("pos_embed", new StateDict.Weight(new Shape(1, Config.Tokens, Config.EmbedDim), destination => resized.CopyTo(destination)));
            _resized.Add($"pos_embed from {from.Item1}x{from.Item2} to {to.Item1}x{to.Item2} patches (bicubic)");
        }

        private bool Ignores(string name, VisionTransformer model)
        {
            if (model.Head is not null && name.StartsWith("head.", StringComparison.Ordinal)) return false;
            if (ReasonToIgnore(name) is not { } reason) return false;
            _ignored.Add((name, reason));
            return true;
        }

        private string? ReasonToIgnore(string name)
        {
            if (PreTrainingWords.Any(word => name.StartsWith(word, StringComparison.Ordinal))) return PreTraining;
            if (name.StartsWith("head.", StringComparison.Ordinal)) return "the model has no head yet";
            if (Config.GlobalPool && name.StartsWith("norm.", StringComparison.Ordinal)) return "global pooling normalises with fc_norm instead";
            return Config.PreLogits == 0 && name.StartsWith("pre_logits.", StringComparison.Ordinal) ? "the sizes asked for have no pre_logits layer" : null;
        }

        // MAE's fine-tuning starts fc_norm at ones and zeros and trains it with the head.
        private bool IsFresh(string name) => Config.GlobalPool && name.StartsWith("fc_norm.", StringComparison.Ordinal) && !Ours.Weights.ContainsKey(name);

        private string? Advice(string name)
        {
            if (name != "pos_embed" || _options.ImgSize is not null) return null;
            return $"set img_size to {Config.ImgHeight} to resize it, or to that of the weights";
        }
    }
}
