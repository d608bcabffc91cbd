using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// What precision <c>auto</c> is: decided by this machine once, when a run, a pre-training or a comparison begins, and from then on by
/// what that recorded. So a training that goes on elsewhere, and everything that uses its result, computes as it did.
/// </summary>
public static class PrecisionChoice
{
    /// <summary>The precision itself, or what <c>auto</c> stands for on this machine.</summary>
    public static Precision OnThisMachine(this Precision precision) =>
        precision != Precision.Auto ? precision : Backend.Current.FastBFloat16 ? Precision.BFloat16 : Precision.Float32;

    /// <summary>The precision itself, or for <c>auto</c> what <paramref name="recorded"/> says; what this machine chooses if that says
    /// nothing.</summary>
    /// <param name="precision">What was asked for.</param>
    /// <param name="recorded">What the run that goes on, or the adapter in use, computed in.</param>
    public static Precision Following(this Precision precision, Precision recorded) =>
        (precision == Precision.Auto ? recorded : precision).OnThisMachine();

    /// <summary>The type of the matrix products' inputs that a precision stands for on this machine.</summary>
    public static DataType Compute(this Precision precision) =>
        precision.OnThisMachine() == Precision.BFloat16 ? DataType.BFloat16 : DataType.Float32;

    /// <summary>The precision with a name as <see cref="NameOf"/> gives it; <c>auto</c> for any other.</summary>
    public static Precision Named(string? name) => name?.Trim() switch
    {
        "float32" => Precision.Float32,
        "bfloat16" => Precision.BFloat16,
        _ => Precision.Auto,
    };

    /// <summary><c>float32</c> or <c>bfloat16</c>.</summary>
    public static string NameOf(DataType compute) => compute == DataType.BFloat16 ? "bfloat16" : "float32";

    /// <summary>What to say when a run goes on in another type than this machine would choose; null if it does not.</summary>
    public static string? Note(Precision asked, Precision used)
    {
        if (asked != Precision.Auto || used == asked.OnThisMachine()) return null;
        string what = used == Precision.BFloat16
            ? "bfloat16, which this machine would not choose: it is slower here"
            : "float32, where this machine would choose bfloat16";
        return $"the run computes in {what}; it goes on as it began.";
    }
}
