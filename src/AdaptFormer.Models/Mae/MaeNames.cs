using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;

namespace AdaptFormer.Models.Mae;

/// <summary>The names of masked autoencoders in checkpoints: MAE's for pictures, VideoMAE's for clips. Our loader of backbones reads
/// both.</summary>
public static class MaeNames
{
    /// <summary>What a task's video encoder has and pre-training's has not.</summary>
    internal const string TaskNorm = "encoder.fc_norm.";

    // Ours, MAE's; what no rule names lies in the encoder, which MAE does not set apart.
    private static readonly (string Ours, string Theirs)[] Mae =
    [
        ("decoder.mask_token", "mask_token"), ("decoder.pos_embed", "decoder_pos_embed"), ("decoder.embed.", "decoder_embed."),
        ("decoder.blocks.", "decoder_blocks."),
        ("decoder.norm.", "decoder_norm."), ("decoder.pred.", "decoder_pred."), ("encoder.", ""),
    ];

    private static readonly (string Ours, string Theirs)[] VideoMae =
    [
        ("decoder.mask_token", "mask_token"), ("decoder.embed.", "encoder_to_decoder."), ("decoder.pred.", "decoder.head."),
        ("norm.", "encoder.norm."), ("encoder.", "encoder."),
        ("decoder.", "decoder."),
    ];

    /// <summary>The weights of <paramref name="model"/> under the names of MAE's or VideoMAE's checkpoints.</summary>
    public static StateDict Export(MaskedAutoencoder model) => StateDict.Of(model).Renamed(name =>
        name.StartsWith(TaskNorm, StringComparison.Ordinal) ? null : Rename(name, RulesOf(model), (ours, theirs) => (ours, theirs)));

    /// <summary>Weights of such a checkpoint under our names.</summary>
    /// <param name="model">The autoencoder that they are for.</param>
    /// <param name="theirs">The checkpoint.</param>
    public static StateDict Import(MaskedAutoencoder model, StateDict theirs) =>
        theirs.Renamed(name => Rename(name, RulesOf(model), (ours, their) => (their, ours)));

    /// <summary>Fills <paramref name="model"/> from such a checkpoint: all of it or nothing.</summary>
    /// <param name="model">An autoencoder.</param>
    /// <param name="theirs">The checkpoint's weights.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidDataException">It does not fit; all misfits are named.</exception>
    public static void Load(MaskedAutoencoder model, StateDict theirs, string source) =>
        WeightLoader.Load(model, Import(model, theirs), source, optional: name => name.StartsWith(TaskNorm, StringComparison.Ordinal));

    private static (string Ours, string Theirs)[] RulesOf(MaskedAutoencoder model) =>
        model.Config.Encoder is VideoVitConfig ? VideoMae : Mae;

    private static string Rename(
        string name, (string Ours, string Theirs)[] rules, Func<string, string, (string From, string To)> direction)
    {
        foreach ((string ours, string theirs) in rules)
        {
            (string from, string to) = direction(ours, theirs);
            if (name.StartsWith(from, StringComparison.Ordinal)) return to + name[from.Length..];
        }

        return name;
    }
}
