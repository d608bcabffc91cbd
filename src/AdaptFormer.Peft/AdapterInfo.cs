using AdaptFormer.Models;

namespace AdaptFormer.Peft;

/// <summary>The backbone that an adapter was trained on.</summary>
/// <param name="Id">Its id, for people.</param>
/// <param name="Digest">The fingerprint of its weights; empty where all weights are in the file (full tuning).</param>
/// <param name="Config">Its sizes, as JSON of the family.</param>
public sealed record BackboneIdentity(string Id, string Digest, string Config);

/// <summary>What an adapter answered to a fixed input when it was saved: loading compares, so a wrong combination is found before it
/// predicts.</summary>
/// <param name="Backend">Where it was computed.</param>
/// <param name="Precision">Type of the products' inputs, <c>float32</c> or <c>bfloat16</c>.</param>
/// <param name="Logits">[K].</param>
public sealed record SelfTest(string Backend, string Precision, float[] Logits);

/// <summary>What an adapter file says about itself; read without the model.</summary>
/// <param name="Path">The file.</param>
/// <param name="Tuning">The method with every choice.</param>
/// <param name="Backbone">What it was trained on.</param>
/// <param name="Preprocessing">What pictures must look like.</param>
/// <param name="Labels">The classes' names; their number is K.</param>
/// <param name="Metrics">Figures of the training run.</param>
/// <param name="SelfTest">The answer to the fixed input.</param>
/// <param name="Parameters">Number of saved parameters, without statistics.</param>
/// <param name="FileBytes">Size of the file.</param>
public sealed record AdapterInfo(
    string Path,
    Tuning Tuning,
    BackboneIdentity Backbone,
    Preprocessing Preprocessing,
    IReadOnlyList<string> Labels,
    IReadOnlyDictionary<string, double> Metrics,
    SelfTest SelfTest,
    long Parameters,
    long FileBytes)
{
    /// <summary>Whether a picture may have several of the classes; otherwise it has one.</summary>
    public bool MultiLabel { get; init; }

    /// <summary>Bits of a number of the method's matrices in the file: 32, or 1, 2, 4 or 8 in a packed file.</summary>
    public int Bits { get; init; } = AdapterTensors.Plain;
}
