using System.Globalization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models.Swin;

/// <summary>What the loader knows about both kinds of Swin.</summary>
internal abstract class SwinFamilyBase : BackboneFamily
{
    protected const string PatchWeight = "patch_embed.proj.weight";
    private const int MostStages = 8;

    /// <summary>Axes of the patch embedding's kernel: 4 for pictures, 5 for clips.</summary>
    protected abstract int PatchAxes { get; }

    /// <summary>The family's name in messages.</summary>
    protected abstract string Model { get; }

    public override bool Recognises(StateDict ours) =>
        ours.Weights.TryGetValue(PatchWeight, out StateDict.Weight? patch) && patch.Shape.Rank == PatchAxes
            && ours.Weights.ContainsKey(RelativePositionTables.NameOf(0, 0));

    public override void Adapt(
        StateDict state, BackboneConfig file, BackboneConfig model, bool sizeWasAsked, string path, ICollection<string> changes) =>
        RelativePositionTables.Fit(state, (SwinSizes)model, fromImages: false, changes);

    /// <summary>What the shapes of both kinds tell.</summary>
    protected sealed record Stages(Shape Patch, int[] Depths, int[] Heads, int TableRows, double MlpRatio, bool QkvBias)
    {
        /// <summary>Reads the shapes of <paramref name="ours"/>.</summary>
        /// <exception cref="InvalidDataException">A weight that the sizes are read from is missing.</exception>
        public static Stages Of(SwinFamilyBase family, StateDict ours, string path)
        {
            Shape patch = Require(ours, PatchWeight, family.PatchAxes, path, family.Model), fc1 =
                Require(ours, "layers.0.blocks.0.mlp.fc1.weight", 2, path, family.Model);
            int[] depths = [.. Enumerable.Range(0, MostStages).Select(stage => Depth(ours,
                string.Create(CultureInfo.InvariantCulture, $"layers.{stage}.blocks"))).TakeWhile(depth => depth > 0)];
            int[] heads = [.. depths.Select((_, stage) => Table(stage)[1])];
            return new Stages(patch, depths, heads, Table(0)[0], (double)fc1[0] / fc1[1],
                ours.Weights.ContainsKey("layers.0.blocks.0.attn.qkv.bias"));

            Shape Table(int stage) => Require(ours, RelativePositionTables.NameOf(stage, 0), 2, path, family.Model);
        }
    }
}
