using System.Diagnostics;
using AdaptFormer.Tensors.Backends.Cpu;
using static AdaptFormer.Tensors.Backends.OneDnn.NativeMethods;

namespace AdaptFormer.Tensors.Backends.OneDnn;

/// <summary>One oneDNN primitive with the descriptors of its operands; lives as long as the process.</summary>
internal sealed unsafe class OneDnnPlan : MatMulPlan
{
    private readonly OneDnnRuntime _runtime;
    private readonly string _subject;
    private readonly bool _packed, _hasBias;
    private readonly nint _desc, _primitive;
    private readonly nint _a, _b, _bias, _c;

    private OneDnnPlan(OneDnnRuntime runtime, in MatMulKey key, string subject, nint desc)
    {
        (_runtime, _subject, _packed, _hasBias, _desc) = (runtime, subject, key.PackedB, key.Bias, desc);
        Implementation = "oneDNN " + OneDnnApi.Implementation(desc);
        _a = OneDnnApi.QueryDesc(desc, OneDnnApi.QuerySource);
        _b = OneDnnApi.QueryDesc(desc, OneDnnApi.QueryWeights);
        _bias = key.Bias ? OneDnnApi.QueryDesc(desc, OneDnnApi.QueryWeights, 1) : 0;
        _c = OneDnnApi.QueryDesc(desc, OneDnnApi.QueryTarget);
        _primitive = OneDnnApi.CreatePrimitive(desc, subject);
    }

    /// <inheritdoc/>
    public override string Implementation { get; }

    /// <summary>Makes the plan, or says in a few words why oneDNN should not run it.</summary>
    /// <param name="runtime">The loaded library.</param>
    /// <param name="key">The product; all sizes above 0.</param>
    /// <param name="packed">Layout of the packed B; null when B is described by its strides.</param>
    /// <param name="declined">Why the result is null.</param>
    public static OneDnnPlan? TryCreate(OneDnnRuntime runtime, in MatMulKey key, WeightLayout? packed, out string declined)
    {
        string subject = OneDnnDescriptors.Text(key);
        OneDnnApi api = runtime.Api;
        _ = OneDnnThread.Of(Worker.Current, runtime); // the thread limit must be set before the primitive is made
        nint a = 0, b = 0, bias = 0, c = 0, attr = 0;
        try
        {
            a = OneDnnDescriptors.Describe(api, key.Batch, key.M, key.K, key.A, subject);
            if (packed is null) b = OneDnnDescriptors.Describe(api, key.Batch, key.K, key.N, key.B, subject);
            if (key.Bias) bias = OneDnnDescriptors.DescribeBias(api, key.Batch, key.N, subject);
            c = OneDnnDescriptors.Describe(api, key.Batch, key.M, key.N, key.C, subject);
            attr = api.CreateAttributes(key.Epilogue, key.Scale, key.Accumulate, subject);
            nint desc = api.CreateMatMul(a, packed?.Desc ?? b, bias, c, attr, subject);

            // A reference kernel is a scalar loop: correct, and a hundred times slower than ours.
            string implementation = OneDnnApi.Implementation(desc);
            if (!implementation.Contains("ref", StringComparison.Ordinal))
            {
                declined = "";
                return new OneDnnPlan(runtime, key, subject, desc);
            }

            _ = dnnl_primitive_desc_destroy(desc);
            declined = $"oneDNN would run '{implementation}'";
            return null;
        }
        catch (OneDnnException error) when (error.IsRefusal)
        {
            declined = $"{error.Call} gave status {error.Status}";
            return null;
        }
        finally
        {
            api.Release(a);
            api.Release(b);
            api.Release(bias);
            api.Release(c);
            if (attr != 0) _ = dnnl_primitive_attr_destroy(attr);
        }
    }

    /// <inheritdoc/>
    public override void Run(Worker worker, nint a, nint b, nint bias, nint c)
    {
        Debug.Assert(_hasBias == (bias != 0), $"{_subject}: a bias pointer comes exactly when the key says so.");
        if (_packed) OneDnnPackedMatrix.AssertLive(b, _b, _subject);

        OneDnnThread thread = OneDnnThread.Of(worker, _runtime);
        using OneDnnArguments args = new(_runtime.Api.Engine, stackalloc ExecArg[OneDnnArguments.Most]);
        args.Add(OneDnnApi.ArgSource, _a, a, _subject);
        args.Add(OneDnnApi.ArgWeights, _b, b, _subject);
        if (_hasBias) args.Add(OneDnnApi.ArgBias, _bias, bias, _subject);
        args.Add(OneDnnApi.ArgTarget, _c, c, _subject);
        args.AddScratch(_desc, worker, _subject);
        args.Execute(_primitive, thread.Stream, _subject);
    }
}
